#!/usr/bin/env bash
# safetensors: the NumPy writer stores a transposed array with its values in other places
#
# Versions: safetensors 0.8.0, numpy 2.4.6.
# Bet: save({"kernel": weight.T}) stores the array that NumPy shows, or refuses one that is not
#   contiguous (as the PyTorch writer does).
# Instead: the bytes of the memory are written with the shape of the view: a transposed or
#   Fortran-ordered array comes back with the right shape and its values in other places. save,
#   save_file and a round trip in one process all do; nothing is raised.
# Output seen:
#   as it is: saved [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], loaded [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
#   transposed: saved [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]], loaded [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
#   Fortran order: saved [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], loaded [[0.0, 3.0, 1.0], [4.0, 2.0, 5.0]]
#   transposed, made contiguous: saved [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]], loaded [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
# Why it matters: transposing is what a converter between weight layouts does (torch's (out, in),
#   Keras's and Flax's (in, out)). np.ascontiguousarray before saving is not optional.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 safetensors==0.8.0
"$dir/venv/bin/python" - <<'EOF'
import numpy as np
from safetensors.numpy import load, save

weight = np.arange(6, dtype="f4").reshape(2, 3)
views = {"as it is": weight, "transposed": weight.T, "Fortran order": np.asfortranarray(weight),
         "transposed, made contiguous": np.ascontiguousarray(weight.T)}
for name, view in views.items():
    back = load(save({"kernel": view}))["kernel"]
    right = np.array_equal(back, view)
    print(f"{name}: saved {view.tolist()}, loaded {back.tolist()}")
    assert back.shape == view.shape and right == (name in ("as it is", "transposed, made contiguous"))
EOF
