#!/usr/bin/env bash
# array-lstm: the initial cell states that are handed in are overwritten
#
# Versions: array-lstm 0.0.1, torch 2.13.0, numpy 2.4.6.
# Bet: ArrayLSTM.forward(x, (h, c)) reads the state that it starts from, as torch.nn.LSTM does, so that
#   a second call with the same arguments gives the same outputs.
# Instead: the cell states are written into the tensor that was passed, at each step: after the call it
#   holds the last ones, and the "new" state that is returned is the same tensor. The hidden state
#   is left alone, so a second call starts from old h and new c. The plain LSTM of the same package
#   does not do it.
# Output seen:
#   ArrayLSTM: c was zeros, is up to 0.83 after the call; the second call is 0.214 apart
#   LSTM: c was zeros, is up to 0.00 after the call; the second call is 0.000 apart
# Why it matters: a start that is kept for several sequences, candidates of a beam search that share
#   one state, and a state that was stored to go back to are all changed by the first step.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 array-lstm==0.0.1
"$dir/venv/bin/python" - <<'EOF'
import torch
from arrayLSTM import LSTM, ArrayLSTM

torch.manual_seed(0)
for layer, changed in ((ArrayLSTM(3, 4, k=2), True), (LSTM(3, 4), False)):
    x = torch.randn(2, 5, 3)
    h, c = layer.initHidden(x)
    with torch.no_grad():
        first, (_, last) = layer(x, (h, c))
        second, _ = layer(x, (h, c))
    held, apart = c.abs().max().item(), (first - second).abs().max().item()
    print(f"{type(layer).__name__}: c was zeros, is up to {held:.2f} after the call; the second call is {apart:.3f} apart")
    assert (held > 0.1) == (apart > 0.01) == (last is c) == changed
    assert not h.any()
EOF
