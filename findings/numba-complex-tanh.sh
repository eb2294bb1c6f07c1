#!/usr/bin/env bash
# Numba: tanh of a complex number loses its small imaginary part, and is NaN for large real parts
#
# Versions: numba 0.68.1, numpy 2.4.6.
# Bet: compiled np.tanh agrees with NumPy's for complex numbers, so that a derivative by the
#   complex step, Im f(x + ih)/h, is as exact as in NumPy.
# Instead: Numba computes it from exp(2z): from about 15 on the imaginary part loses its digits (1
#   % off at 18, the wrong sign at 19), it is 0 from 20 on, and from about 360 on the value itself
#   is NaN + NaN j, where NumPy has 1 + 0j. NumPy's imaginary part is right to the last digit.
#   exp, log, sqrt, sin and a logistic function agree.
# Output seen:
#   x = 1.0: derivative 4.199743e-01, NumPy 4.199743e-01, Numba 4.199743e-01
#   x = 15.0: derivative 3.743049e-13, NumPy 3.743049e-13, Numba 3.744277e-13
#   x = 18.0: derivative 9.278091e-16, NumPy 9.278091e-16, Numba 9.148904e-16
#   x = 19.0: derivative 1.255653e-16, NumPy 1.255653e-16, Numba -1.981071e-16
#   x = 20.0: derivative 1.699342e-17, NumPy 1.699342e-17, Numba 0.000000e+00
#   x = 400.0: derivative 0.000000e+00, NumPy 0.000000e+00, Numba nan
# Why it matters: the complex step is the usual exact check of a hand-written gradient; saturated
#   tanh units make it say that a right gradient is wrong, or NaN.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 numba==0.68.1
"$dir/venv/bin/python" - <<'EOF'
import numba
import numpy as np


@numba.njit
def tanh(z):
    return np.tanh(z)


step = 1e-30
for x in (1.0, 15.0, 18.0, 19.0, 20.0, 400.0):
    z = complex(x, step)
    ours, theirs = tanh(z), np.tanh(z)
    true = 4 * np.exp(-2 * x) / (1 + np.exp(-2 * x)) ** 2
    print(f"x = {x}: derivative {true:.6e}, NumPy {theirs.imag / step:.6e}, Numba {ours.imag / step:.6e}")
    if x < 400:
        assert np.isclose(theirs.imag / step, true, rtol=1e-12, atol=0)
    if x == 1.0:
        assert np.isclose(ours.imag / step, true, rtol=1e-12, atol=0)
    else:
        assert not np.isclose(ours.imag / step, true, rtol=1e-5, atol=1e-300)
    assert np.isnan(ours) == (x == 400.0)
assert tanh(complex(19, step)).imag < 0 and tanh(complex(20, step)).imag == 0
EOF
