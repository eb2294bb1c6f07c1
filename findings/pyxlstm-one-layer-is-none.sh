#!/usr/bin/env bash
# PyxLSTM: an sLSTM or mLSTM of one layer returns its input, and its language model has no memory
#
# Versions: PyxLSTM 1.0.1, torch 2.13.0, numpy 2.4.6.
# Bet: sLSTM(4, 7, num_layers=1) is a layer of 7 units with a state.
# Instead: the layers are walked beside a list of dropouts, which has one less, and so the last layer
#   never runs. With one layer the output is the input, four wide, and the state an empty list (two
#   layers end in an error). The language model xLSTM(..., num_layers=1, num_blocks=3) trains, and
#   its answer at a step depends on the token of that step alone; its recurrent weights have no gradient.
# Output seen:
#   sLSTM(4, 7, 1): shape (3, 5, 4), equal to the input: True, state []
#   mLSTM(4, 7, 1): shape (3, 5, 4), equal to the input: True, state []
#   slstm model: another past changes the last answer by 0.0; 24 of 39 parameters have no gradient
#   mlstm model: another past changes the last answer by 0.0; 48 of 75 parameters have no gradient
# Why it matters: the loss of such a model falls (to that of pairs of tokens), and a comparison of
#   xLSTM with others by this package compares an MLP. Test that an answer depends on the past.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 PyxLSTM==1.0.1
"$dir/venv/bin/python" - <<'EOF'
import torch
from xLSTM.mlstm import mLSTM
from xLSTM.model import xLSTM
from xLSTM.slstm import sLSTM

torch.manual_seed(0)
x = torch.randn(3, 5, 4)
for kind in (sLSTM, mLSTM):
    y, state = kind(4, 7, num_layers=1)(x)
    same = torch.equal(x, y)
    print(f"{kind.__name__}(4, 7, 1): shape {tuple(y.shape)}, equal to the input: {same}, state {state}")
    assert same and state == []
for kind in ("slstm", "mlstm"):
    model = xLSTM(10, 8, 8, num_layers=1, num_blocks=3, lstm_type=kind).eval()
    tokens = torch.randint(0, 10, (1, 6))
    other = tokens.clone()
    other[0, :5] = (other[0, :5] + 3) % 10
    answer = model(tokens)[0]
    change = (answer[0, -1] - model(other)[0][0, -1]).abs().max().item()
    answer.sum().backward()
    idle = sum(p.grad is None for p in model.parameters())
    count = len(list(model.parameters()))
    print(f"{kind} model: another past changes the last answer by {change}; {idle} of {count} parameters have no gradient")
    assert change == 0 and idle > count / 2
EOF
