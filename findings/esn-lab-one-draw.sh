#!/usr/bin/env bash
# esn-lab: input and recurrent weights are the same random numbers, in every network
#
# Versions: esn-lab 0.2.0, numpy 2.4.6, networkx 3.6.1.
# Bet: ESN(...) draws an input matrix and a reservoir that have nothing to do with each other, and
#   two networks, made after different np.random.seed, differ.
# Instead: each part calls np.random.seed(0) before it draws, and ESN hands no seed on. Where the first
#   rows of the recurrent matrix are not 0, they are the input matrix times one number, entry by entry.
#   All networks of one size are equal, and making one sets NumPy's global generator back: what a
#   program draws after it is the same each time.
# Output seen:
#   7 entries of the recurrent matrix lie on input weights: correlation 1.0, one ratio 1.0627
#   made after np.random.seed(123) and (456): equal networks True, next np.random.rand() equal True
# Why it matters: an average over ten random reservoirs is one reservoir ten times, with a deviation of
#   0; noise that is drawn after the network is the same noise in every trial.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 networkx==3.6.1
"$dir/venv/bin/pip" install --quiet --no-deps esn-lab==0.2.0  # its data readers are not needed here
"$dir/venv/bin/python" - <<'EOF'
import numpy as np
from esn_lab.model.esn import ESN


def made_after(seed):
    np.random.seed(seed)
    net = ESN(N_u=2, N_y=1, N_x=30, density=0.2, input_scale=0.5, rho=0.9)
    return net, np.random.rand()


one, next_one = made_after(123)
two, next_two = made_after(456)
inputs = one.Input.Win.ravel()
recurrent = one.Reservoir.W.ravel()[: inputs.size]
used = recurrent != 0
correlation = np.corrcoef(inputs[used], recurrent[used])[0, 1]
ratio = recurrent[used] / inputs[used]
print(
    f"{used.sum()} entries of the recurrent matrix lie on input weights: "
    f"correlation {correlation:.1f}, one ratio {ratio[0]:.4f}"
)
equal = bool(
    np.array_equal(one.Reservoir.W, two.Reservoir.W)
    and np.array_equal(one.Input.Win, two.Input.Win)
)
print(
    f"made after np.random.seed(123) and (456): equal networks {equal}, "
    f"next np.random.rand() equal {next_one == next_two}"
)
assert used.sum() > 3 and np.allclose(ratio, ratio[0]) and equal and next_one == next_two
EOF
