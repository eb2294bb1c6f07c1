#!/usr/bin/env bash
# pytorch-forecasting: a row of length 0 gets another row's initial state, and h in the place of c
#
# Versions: pytorch-forecasting 1.8.0, torch 2.13.0.
# Bet: GRU(x, hx, lengths) and LSTM exist for "sequences of length 0" and pass the row's initial
#   state on.
# Instead: masked_scatter takes values from the start of its source, not from the masked places:
#   the first empty row gets row 0's state, the second row 1's. The LSTM fills its cell state from
#   h0 as well. If all rows are empty, the result is zeros. A state of zeros hides all three.
# Output seen:
#   initial states: h [10.0, 11.0, 12.0, 13.0] c [20.0, 21.0, 22.0, 23.0] lengths [3, 2, 0, 0]
#   GRU: final h of the two empty rows [10.0, 11.0]
#   LSTM: final h of the two empty rows [10.0, 11.0] c [10.0, 11.0]
#   GRU, all rows empty: final h [0.0, 0.0, 0.0, 0.0]
# Why it matters: a decoder that carries a state over rounds, in which some series have nothing
#   new, goes on with another series' memory; the shapes and the usual test are right.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 pytorch-forecasting==1.8.0
"$dir/venv/bin/python" - <<'EOF'
import warnings

import torch

warnings.simplefilter("ignore")
from pytorch_forecasting.models.nn import GRU, LSTM

torch.manual_seed(0)
x, lengths = torch.randn(4, 3, 2), torch.tensor([3, 2, 0, 0])
row = torch.arange(4.0).reshape(1, 4, 1).expand(1, 4, 2)
h0, c0 = (10 + row).contiguous(), (20 + row).contiguous()
gru, lstm = GRU(2, 2, batch_first=True), LSTM(2, 2, batch_first=True)


def rows(state):
    return state[0, :, 0].tolist()


h = rows(gru(x, h0, lengths)[1])[2:]
print("initial states: h", rows(h0), "c", rows(c0), "lengths", lengths.tolist())
print("GRU: final h of the two empty rows", h)
assert h == [10.0, 11.0]
h, c = (rows(state)[2:] for state in lstm(x, (h0, c0), lengths)[1])
print("LSTM: final h of the two empty rows", h, "c", c)
assert h == [10.0, 11.0] and c == [10.0, 11.0]
empty = rows(gru(x, h0, 0 * lengths)[1])
print("GRU, all rows empty: final h", empty)
assert empty == [0.0] * 4
EOF
