#!/usr/bin/env bash
# aqua-blue: a reservoir matrix that is passed in is rescaled, and a "spectral radius" is a 2-norm
#
# Versions: aqua-blue 0.2.19, numpy 2.1.3.
# Bet: a `w_res` that is passed is used as it is (its docstring: "If not provided, it is
#   auto-generated and normalized to have a spectral radius of 0.95"), and `spectral_radius=0.9`
#   makes the largest absolute eigenvalue 0.9.
# Instead: each matrix is divided by its largest singular value, as the docstring of one helper
#   (`set_spectral`) alone says. diag(0.2, 0.1) becomes
#   diag(0.95, 0.475), a matrix that was tuned to a radius of 1.1 gets another one, and 200
#   generated units with spectral_radius=0.95 have a radius of about a half. sparsity=0.1 keeps a
#   tenth of the weights.
# Output seen:
#   passed [0.2 0.1] used [0.95  0.475]
#   generated for 0.95: eigenvalue 0.49, singular value 0.95
#   passed with eigenvalue 1.10: used with 0.51
#   sparsity=0.1: 10 % of the weights are not zero
# Why it matters: the radius is the one number that everybody tunes in an echo state network, and
#   a reservoir taken over from a paper or another library is silently another one, with less memory.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.1.3 aqua-blue==0.2.19
"$dir/venv/bin/python" - <<'EOF'
import numpy as np
from aqua_blue.reservoirs import DynamicalReservoir


def reservoir(units, **options):
    return DynamicalReservoir(input_dimensionality=1, reservoir_dimensionality=units, **options).w_res


def radius(matrix):
    return np.abs(np.linalg.eigvals(matrix)).max()


used = reservoir(2, w_res=np.diag([0.2, 0.1]))
print("passed [0.2 0.1] used", np.diag(used))
assert np.allclose(used, np.diag([0.95, 0.475]))
made = reservoir(200, spectral_radius=0.95)
print(f"generated for 0.95: eigenvalue {radius(made):.2f}, singular value {np.linalg.norm(made, 2):.2f}")
assert radius(made) < 0.6 and np.isclose(np.linalg.norm(made, 2), 0.95)
tuned = np.random.default_rng(1).normal(size=(200, 200))
tuned *= 1.1 / radius(tuned)
used = reservoir(200, w_res=tuned)
print(f"passed with eigenvalue {radius(tuned):.2f}: used with {radius(used):.2f}")
assert radius(used) < 0.6
kept = (reservoir(200, sparsity=0.1) != 0).mean()
print(f"sparsity=0.1: {100 * kept:.0f} % of the weights are not zero")
assert 0.08 < kept < 0.12
EOF
