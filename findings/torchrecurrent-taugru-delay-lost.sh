#!/usr/bin/env bash
# torchrecurrent: tauGRU fed step by step never has its delayed state
#
# Versions: torchrecurrent 0.2.5, torch 2.13.0.
# Bet: output, state = layer(first); layer(second, state) goes on with the sequence, as every other
#   layer of the package (and torch.nn) does.
# Instead: the h[n-d] that gives the cell its name is kept in a list inside the call; the returned
#   state is h alone, and each call begins with d states of zeros. In chunks of at most d steps
#   the delayed term is gone: bit by bit the layer with its delayed weights set to 0. The pages
#   say "before the beginning of the sequence"; h_0 is taken over, its history is not.
# Output seen:
#   MGU, delay 0: off in chunks of {6: 0.0, 3: 0.0, 1: 0.0}
#   tauGRU, delay 1: off in chunks of {6: 0.115, 3: 0.122, 1: 0.179}
#       step by step equal to the layer without its delayed weights: True
#   tauGRU, delay 3: off in chunks of {6: 0.151, 3: 0.317, 1: 0.317}
#       step by step equal to the layer without its delayed weights: True
# Why it matters: trained on whole sequences and run as a stream, it is another network. A delay
#   is part of a cell's state.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 torchrecurrent==0.2.5
"$dir/venv/bin/python" - <<'EOF'
import copy

import torch
from torchrecurrent import MGU, tauGRU

x = torch.randn(12, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def in_chunks(layer, size):
    state, outputs = None, []
    for part in x.split(size):
        output, state = layer(part, state)
        outputs.append(output.detach())
    return torch.cat(outputs)


torch.manual_seed(0)
for layer in (MGU(3, 4).double(), tauGRU(3, 4, delay=1).double(), tauGRU(3, 4, delay=3).double()):
    whole = in_chunks(layer, 12)
    off = {size: (in_chunks(layer, size) - whole).abs().max().item() for size in (6, 3, 1)}
    delay = getattr(layer, "delay", 0)
    print(f"{type(layer).__name__}, delay {delay}: off in chunks of", {size: round(o, 3) for size, o in off.items()})
    assert all((o > 0.01) == (delay > 0) for o in off.values())
    if delay:
        without = copy.deepcopy(layer)
        with torch.no_grad():
            without.cells[0].weight_hh[4:8] = 0  # W_2, which multiplies h[n - d]
        equal = torch.equal(in_chunks(layer, 1), in_chunks(without, 12))
        print(f"    step by step equal to the layer without its delayed weights: {equal}")
        assert equal
EOF
