#!/usr/bin/env bash
# Keras: zero_output_for_mask also zeroes the result of a layer that returns its last output only
#
# Versions: keras 3.15.1 (JAX backend; TensorFlow and PyTorch backends alike).
# Bet: the documentation: "this field is only used when return_sequences is True". With
#   return_sequences=False a padded row gives the output of its last unmasked step, as without the
#   option.
# Instead: the option acts all the same: a row whose last step is masked (any row that is padded
#   at its end) gives zeros, while the state that the same call returns is right. Wrapped in
#   Bidirectional the same layer is right: the wrapper overrules the option.
# Output seen:
#   GRU: row of 3 steps: without the option right True, with it [0.0, 0.0, 0.0, 0.0], its state right True
#   LSTM: row of 3 steps: without the option right True, with it [0.0, 0.0, 0.0, 0.0], its state right True
#   SimpleRNN: row of 3 steps: without the option right True, with it [0.0, 0.0, 0.0, 0.0], its state right True
# Why it matters: a cell's wrapper that copies the option, or weights moved with the layer's
#   config, produce zero vectors for exactly the shorter sequences of a batch.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 keras==3.15.1 jax==0.10.2
"$dir/venv/bin/python" - <<'EOF'
import os

os.environ["KERAS_BACKEND"] = "jax"
import keras
import numpy as np

rng = np.random.default_rng(0)
x = rng.standard_normal((2, 5, 3)).astype("f4")
mask = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], bool)
for kind in (keras.layers.GRU, keras.layers.LSTM, keras.layers.SimpleRNN):
    plain, zeroing = (kind(4, return_state=True, zero_output_for_mask=flag) for flag in (False, True))
    plain(x), zeroing(x)
    zeroing.set_weights(plain.get_weights())
    short = np.asarray(plain(x[:1, :3])[0])[0]
    a, b = plain(x, mask=mask), zeroing(x, mask=mask)
    print(f"{kind.__name__}: row of 3 steps: without the option right {np.allclose(a[0][0], short, atol=1e-6)},",
          f"with it {np.asarray(b[0])[0].tolist()}, its state right {np.allclose(b[1][0], short, atol=1e-6)}")
    assert np.allclose(a[0][0], short, atol=1e-6) and np.allclose(b[1][0], short, atol=1e-6)
    assert not np.asarray(b[0])[0].any() and np.allclose(a[0][1], b[0][1])
assert "only used when `return_sequences`" in keras.layers.RNN.__doc__
EOF
