#!/usr/bin/env bash
# norse: the recurrent conductance-based cell never sees its input
#
# Versions: norse 1.1.0, torch 2.13.0.
# Bet: CobaLIFCell(input_size, hidden_size) adds the input's and the recurrent spikes' jumps to its
#   conductances, as "input_weights" and "recurrent_weights" say.
# Instead: the jumps of the input are computed and then overwritten: the recurrent ones start from
#   the old conductance again. Any input gives bit by bit the same spikes and voltages, and the
#   input weights get no gradient. The feed-forward step of the same file uses its input.
# Output seen:
#   CobaLIFCell, 50 steps of 0 and of 100: 4 and 4 spikes, same voltages True
#   feed-forward step, 50 steps of 0 and of 100: same voltages False
#   gradient of input_weights: None, of recurrent_weights: 0.65
# Why it matters: a network on this cell runs, fires and even trains its other layers, on nothing.
#   One test with two different inputs finds it; no test of shapes does.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 norse==1.1.0
"$dir/venv/bin/python" - <<'EOF'
import torch
from norse.torch import CobaLIFCell, CobaLIFFeedForwardState, coba_lif_feed_forward_step

torch.manual_seed(0)
cell = CobaLIFCell(3, 4)


def recurrent(value):
    state, voltages, spikes = None, [], 0
    for _ in range(50):
        z, state = cell(torch.full((1, 3), value), state)
        voltages.append(state.v.detach())
        spikes += int(z.sum())
    return torch.stack(voltages), spikes


def forward(value):
    state, voltages = CobaLIFFeedForwardState(*(torch.zeros(1, 4),) * 3), []
    for _ in range(50):
        _, state = coba_lif_feed_forward_step(torch.full((1, 4), value), state)
        voltages.append(state.v)
    return torch.stack(voltages)


(none, few), (much, many) = recurrent(0.0), recurrent(100.0)
same = torch.equal(none, much)
print(f"CobaLIFCell, 50 steps of 0 and of 100: {few} and {many} spikes, same voltages {same}")
same_forward = torch.equal(forward(0.0), forward(100.0))
print(f"feed-forward step, 50 steps of 0 and of 100: same voltages {same_forward}")
assert same and few == many > 0 and not same_forward

_, state = cell(torch.ones(1, 3))
_, state = cell(torch.ones(1, 3), state)
state.v.sum().backward()
reached = cell.recurrent_weights.grad.abs().max().item()
print(f"gradient of input_weights: {cell.input_weights.grad}, of recurrent_weights: {reached:.2f}")
assert cell.input_weights.grad is None and reached > 0
EOF
