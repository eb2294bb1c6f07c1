#!/usr/bin/env bash
# pydynet: with batch_first the last state comes back with batch and layers exchanged
#
# Versions: pydynet 1.1, numpy 2.4.6.
# Bet: as in PyTorch, whose interface these modules follow, the state that an RNN, LSTM or GRU gives is
#   the one that it takes, (layers, batch, hidden), with batch_first as without: feeding it back goes on.
# Instead: what is given is (batch, layers, hidden), what is taken (layers, batch, hidden). In general an
#   assertion says "Wrong hidden state input!"; where there are as many sequences as layers it is
#   taken, the second sequence goes on from the state of the first's second layer, and nothing is said.
# Output seen:
#   batch 3, 2 layers: given (3, 2, 4), refused
#   batch 2, 2 layers: two halves are 0.21 from one call, 0.00 with the axes exchanged
# Why it matters: the one case that runs silently, two layers or two directions and a batch of two, is
#   the size that a test is written with.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 pydynet==1.1
"$dir/venv/bin/python" -W ignore - <<'EOF'
import numpy as np
import pydynet
import pydynet.nn as nn

random = np.random.default_rng(0)
np.random.seed(0)
net = nn.GRU(3, 4, num_layers=2, batch_first=True, dtype=np.float64)


def run(x, state=None):
    return net(pydynet.Tensor(x, dtype=np.float64), state)


x = random.normal(size=(3, 6, 3))
state = run(x)[1]
try:
    run(x, state)
    raise SystemExit("taken back")
except AssertionError:
    print(f"batch 3, 2 layers: given {state.shape}, refused")
assert state.shape == (3, 2, 4)
x = random.normal(size=(2, 6, 3))
whole = run(x)[0].data
first, state = run(x[:, :3])
straight, turned = (np.abs(run(x[:, 3:], s)[0].data - whole[:, 3:]).max() for s in (state, state.swapaxes(0, 1)))
print(f"batch 2, 2 layers: two halves are {straight:.2f} from one call, {turned:.2f} with the axes exchanged")
assert np.allclose(first.data, whole[:, :3])
assert straight > 0.05 and turned < 1e-12
EOF
