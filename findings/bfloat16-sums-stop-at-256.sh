#!/usr/bin/env bash
# ml_dtypes in NumPy: the mean of a thousand bfloat16 ones is 0.2559
#
# Versions: ml_dtypes 0.6.0, numpy 2.4.6.
# Bet: NumPy's reductions over bfloat16 (the dtype that JAX and safetensors hand out) are about as
#   careful as over float16, which adds in pairs or in float32.
# Instead: sum, mean and cumsum add one by one in bfloat16 and stop at 256; the mean of 1000
#   values of 0.1 is 0.032. Inner and matrix products of the same numbers are right: 1000. The
#   same with float16 is right in all. A NaN leaves np.sort unsorted, and np.save writes a file
#   that loads as raw bytes (V2).
# Output seen:
#   float16 sum 1000, mean 1.0000, mean of tenths 0.1000, cumsum 1000, v @ v 1000
#       sort of [3, NaN, -1]: [-1.  3. nan]
#   bfloat16 sum 256, mean 0.2559, mean of tenths 0.0320, cumsum 256, v @ v 1000
#       sort of [3, NaN, -1]: [ 3. nan -1.]
#   np.save then np.load: |V2
# Why it matters: checking weights, gradients or losses of a bfloat16 model with NumPy gives
#   nonsense that looks like numbers. Convert to float32 first.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 ml_dtypes==0.6.0
"$dir/venv/bin/python" - <<'EOF'
import io
import ml_dtypes
import numpy as np

np.seterr(all="ignore")
n = 1000
for kind in (np.float16, ml_dtypes.bfloat16):
    ones, tenths = np.ones(n, kind), np.full(n, 0.1, kind)
    row = [float(v) for v in (ones.sum(), ones.mean(), tenths.mean(), np.cumsum(ones)[-1], ones @ ones)]
    print(np.dtype(kind).name, "sum {:g}, mean {:.4f}, mean of tenths {:.4f}, cumsum {:g}, v @ v {:g}".format(*row))
    if kind is np.float16:
        assert row[0] == row[4] == n and abs(row[2] - 0.1) < 1e-3
    else:
        assert row[0] == row[3] == 256 and row[4] == n and row[2] < 0.04
    order = np.sort(np.array([3, np.nan, -1], kind)).astype("f4")
    print("    sort of [3, NaN, -1]:", order)
    assert (order[0] == -1) == (kind is np.float16)
file = io.BytesIO()
np.save(file, ones)
file.seek(0)
print("np.save then np.load:", np.load(file).dtype)
assert np.load(io.BytesIO(file.getvalue())).dtype == "V2"
EOF
