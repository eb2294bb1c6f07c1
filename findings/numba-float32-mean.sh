#!/usr/bin/env bash
# Numba: the mean of 2**25 float32 ones is 0.5
#
# Versions: numba 0.68.1, numpy 2.4.6.
# Bet: np.mean and np.sum of a float32 array, compiled, are as good as NumPy's, which adds in
#   pairs.
# Instead: Numba adds one by one in float32 and stops growing at 2**24 = 16,777,216. At a million
#   values of 0.1 the mean is already 1 % off. The result is typed as float64 (a Python float),
#   which looks like a wider accumulator than there is; cumsum and dot of the same array are
#   separate code.
# Output seen:
#   1000000 x 0.1: NumPy 0.100000, Numba 0.100958, Numba with a float64 sum 0.100000
#   33554432 x 1.0: NumPy 1.000000, Numba 0.500000, Numba with a float64 sum 1.000000
# Why it matters: means over time and batch, losses and layer norms inside a compiled function.
#   Write the sum with an accumulator of float64.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 numba==0.68.1
"$dir/venv/bin/python" - <<'EOF'
import numba
import numpy as np


@numba.njit
def mean(a):
    return np.mean(a)


@numba.njit
def wide_mean(a):
    total = 0.0
    for value in a:
        total += value
    return total / a.size


for size, value in ((10**6, 0.1), (2**25, 1.0)):
    a = np.full(size, value, np.float32)
    print(f"{size} x {value}: NumPy {np.mean(a):.6f}, Numba {mean(a):.6f}, Numba with a float64 sum {wide_mean(a):.6f}")
    assert np.isclose(np.mean(a), value, rtol=1e-5) and np.isclose(wide_mean(a), value, rtol=1e-5)
    assert abs(mean(a) / value - 1) > 0.005
assert mean(a) == 0.5
EOF
