#!/usr/bin/env bash
# Numba: float32 times a Python float is float64, and float32 times int64 is float32
#
# Versions: numba 0.68.1, numpy 2.4.6.
# Bet: an array expression has the same dtype compiled as in NumPy 2: a Python scalar does not
#   widen an array, float32 with int64 is float64.
# Instead: both are the other way round. `a * 0.9`, np.maximum(a, 0.0) and np.where(a > 0, a, 0.0)
#   on float32 compile to float64; `a * steps` with int64 gives float32 and drops digits that
#   NumPy keeps. `a + 1` (an int), np.clip and np.tanh agree with NumPy.
# Output seen:
#   a * 0.9: NumPy float32 0.99000001, Numba float64 0.990000021
#   np.maximum(a, 0.0): NumPy float32 1.10000002, Numba float64 1.10000002
#   np.where(a > 0, a, 0.0): NumPy float32 1.10000002, Numba float64 1.10000002
#   a * n (int64): NumPy float64 18454939.1, Numba float32 18454940
#   a + 1: NumPy float32 2.0999999, Numba float32 2.0999999
#   np.clip(a, 0.0, 1.0): NumPy float32 1, Numba float32 1
# Why it matters: constants in gate equations silently double the width of a float32 kernel, and
#   results differ from an uncompiled run in the last digits. A compiler should write constants in
#   the dtype of the cell.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 numba==0.68.1
"$dir/venv/bin/python" - <<'EOF'
import numba
import numpy as np

a = np.array([1.1, 2.2], np.float32)
n = np.array([16777217, 1])
cases = {
    "a * 0.9": lambda a, n: a * 0.9,
    "np.maximum(a, 0.0)": lambda a, n: np.maximum(a, 0.0),
    "np.where(a > 0, a, 0.0)": lambda a, n: np.where(a > 0, a, 0.0),
    "a * n (int64)": lambda a, n: a * n,
    "a + 1": lambda a, n: a + 1,
    "np.clip(a, 0.0, 1.0)": lambda a, n: np.clip(a, 0.0, 1.0),
}
differ = []
for name, function in cases.items():
    plain, compiled = function(a, n), numba.njit(function)(a, n)
    print(f"{name}: NumPy {plain.dtype} {plain[0]:.9g}, Numba {compiled.dtype} {compiled[0]:.9g}")
    if plain.dtype != compiled.dtype:
        differ.append(name)
assert differ == list(cases)[:4]
EOF
