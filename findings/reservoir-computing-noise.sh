#!/usr/bin/env bash
# reservoir-computing: its Gaussian noise is uniform and never negative
#
# Versions: reservoir-computing 1.0.2, numpy 2.4.6, scipy 1.17.1.
# Bet: noise_level is "Standard deviation of the Gaussian noise injected in the state update": the noise
#   has mean zero, and each state is as often pushed up as down.
# Instead: it is drawn by np.random.rand, uniform between 0 and noise_level. Its mean is half of the
#   level, its deviation 0.29 of it. Without any input and without recurrent weights the units
#   hover at half of the level; with them the bias is fed back.
# Output seen:
#   noise_level 0.1, no input: pre-activations from 0.000 to 0.100, mean 0.050, deviation 0.029
#   a ring with spectral radius 0.9, no input: mean state 0.34 with noise, 0.00 without
# Why it matters: noise is there to regularise. This one is a constant bias, different for each level:
#   states that were computed with noise to fit a readout and without it to predict do not belong together.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 scipy==1.17.1
"$dir/venv/bin/pip" install --quiet --no-deps reservoir-computing==1.0.2
"$dir/venv/bin/python" - <<'EOF'
import numpy as np
from reservoir_computing.reservoir import Reservoir

np.random.seed(0)
zeros = np.zeros((20, 200, 1))
loose = Reservoir(n_internal_units=100, spectral_radius=1e-9, noise_level=0.1)
noise = np.arctanh(loose.get_states(zeros, bidir=False))
print(
    f"noise_level 0.1, no input: pre-activations from {noise.min():.3f} to {noise.max():.3f}, "
    f"mean {noise.mean():.3f}, deviation {noise.std():.3f}"
)
assert noise.min() >= 0 and 0.04 < noise.mean() < 0.06 and noise.std() < 0.035

ring = dict(n_internal_units=100, spectral_radius=0.9, circle=True)
noisy = Reservoir(noise_level=0.1, **ring).get_states(zeros, bidir=False)[:, -1].mean()
quiet = Reservoir(noise_level=0.0, **ring).get_states(zeros, bidir=False)[:, -1].mean()
print(f"a ring with spectral radius 0.9, no input: mean state {noisy:.2f} with noise, {quiet:.2f} without")
assert noisy > 0.2 and quiet == 0
EOF
