#!/usr/bin/env bash
# minGRU-pytorch: minLSTM in two chunks differs from one call, unless the second has one step
#
# Versions: minGRU-pytorch 0.2.1, torch 2.13.0.
# Bet: out, state = cell(first, return_next_prev_hidden=True); cell(second, state) continues the
#   sequence; a prev_hidden of zeros equals none given.
# Instead: with more than one step the given state passes through the map that makes candidates
#   positive (x + 0.5 for x >= 0): the recurrence goes on from state + 0.5, and from 0.5 where
#   zeros were given. A chunk of a single step is right, and minGRU of the same package is right
#   for chunks of any length.
# Output seen:
#   minGRU, 5 + 1 steps: 0.0000 off
#   minGRU, 3 + 3 steps: 0.0000 off
#   minLSTM, 5 + 1 steps: 0.0000 off
#   minLSTM, 3 + 3 steps: 0.2553 off
#   minLSTM, with state - 0.5 handed over: 0.0000 off
#   minLSTM, zeros given against none given: 0.2658 off
# Why it matters: step-by-step generation works, so the usual test passes; training in chunks
#   trains another model.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 minGRU-pytorch==0.2.1
"$dir/venv/bin/python" - <<'EOF'
import torch
from minGRU_pytorch.minGRU import minGRU
from minGRU_pytorch.minLSTM import minLSTM

x = torch.randn(1, 6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
for kind in (minGRU, minLSTM):
    torch.manual_seed(0)
    cell = kind(4).double()
    whole = cell(x)
    for cut in (5, 3):
        first, state = cell(x[:, :cut], return_next_prev_hidden=True)
        off = (torch.cat([first, cell(x[:, cut:], state)], 1) - whole).abs().max().item()
        print(f"{kind.__name__}, {cut} + {6 - cut} steps: {off:.4f} off")
        assert (off > 0.1) == (kind is minLSTM and cut == 3)
shifted = cell(x[:, 3:], state - 0.5)  # takes back what the call adds
print("minLSTM, with state - 0.5 handed over:", f"{(shifted - whole[:, 3:]).abs().max().item():.4f} off")
assert torch.allclose(shifted, whole[:, 3:])
zeros = torch.zeros(1, 1, 4, dtype=torch.float64)
print("minLSTM, zeros given against none given:", f"{(cell(x, zeros) - whole).abs().max().item():.4f} off")
assert not torch.allclose(cell(x, zeros), whole)
EOF
