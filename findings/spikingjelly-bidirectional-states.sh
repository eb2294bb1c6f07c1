#!/usr/bin/env bash
# spikingjelly: a bidirectional network's states are not ordered as torch.nn's
#
# Versions: spikingjelly 2.0.0, torch 2.13.0.
# Bet: SpikingLSTM and SpikingVanillaRNN take and return states of shape (num_layers * 2, batch,
#   hidden) like torch.nn.LSTM and RNN, in the same order: layer 0 forward, layer 0 reverse, layer
#   1 forward, layer 1 reverse.
# Instead: the shape is the same, the order is all forward layers, then all reverse ones. With two
#   layers, row 1 is layer 1 forward here and layer 0 reverse in torch; swapping one for the other
#   raises nothing.
# Output seen:
#   row 0: spikingjelly layer 0 forward, torch layer 0 forward
#   row 1: spikingjelly layer 1 forward, torch layer 0 reverse
#   row 2: spikingjelly layer 0 reverse, torch layer 1 forward
#   row 3: spikingjelly layer 1 reverse, torch layer 1 reverse
# Why it matters: states of the same shape are passed from encoder to decoder and loaded from
#   files without a name on each row.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 spikingjelly==2.0.0
"$dir/venv/bin/python" - <<'EOF'
import torch
from spikingjelly.activation_based import rnn, surrogate

torch.manual_seed(0)
ours = rnn.SpikingVanillaRNN(2, 3, 2, bidirectional=True,
                             surrogate_function=surrogate.Sigmoid(alpha=1.0, spiking=False))
theirs = torch.nn.RNN(2, 3, 2, bidirectional=True)
cells = {"layer 0 forward": ours.cells[0], "layer 1 forward": ours.cells[1],
         "layer 0 reverse": ours.cells_reverse[0], "layer 1 reverse": ours.cells_reverse[1]}
suffixes = {"layer 0 forward": "l0", "layer 1 forward": "l1", "layer 0 reverse": "l0_reverse", "layer 1 reverse": "l1_reverse"}
x = torch.randn(1, 1, 2)  # T=1: the recurrent weights see the initial state and nothing else
for row in range(4):
    start = torch.zeros(4, 1, 3)
    start[row] = 0.5
    read = {}
    for name, model in (("spikingjelly", ours), ("torch", theirs)):
        model.zero_grad()
        model(x, start)[0].sum().backward()
        moved = [place for place in cells if (cells[place].linear_hh.weight.grad if model is ours
                 else getattr(theirs, "weight_hh_" + suffixes[place]).grad).abs().max() > 0]
        read[name] = moved
    print(f"row {row}: spikingjelly {read['spikingjelly'][0]}, torch {read['torch'][0]}")
    assert (read["spikingjelly"] == read["torch"]) == (row in (0, 3))
EOF
