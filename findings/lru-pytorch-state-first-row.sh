#!/usr/bin/env bash
# LRU-pytorch: a state that is passed with a batch is the start of its first sequence only
#
# Versions: LRU-pytorch 0.1.3, torch 2.13.0, numpy 2.4.6.
# Bet: LRU.forward(input, state) starts every sequence of a batch from `state`, or takes one for each.
# Instead: the first sequence starts from it and all others from zeros; which one that is depends on
#   the order of the batch. A state for each sequence, (2, 4), is an error. The last state is not
#   returned, and after a call the layer's own is zeros again.
# Output seen:
#   two equal sequences in one call: 1.11 apart
#   the second one against no state at all: 0.0
# Why it matters: training on chunks of long sequences, or a start that is learned, works with
#   batches of one, and reaches one row of any larger batch.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 LRU-pytorch==0.1.3
"$dir/venv/bin/python" - <<'EOF'
import torch
from LRU_pytorch import LRU

torch.manual_seed(0)
layer = LRU(in_features=3, out_features=2, state_features=4)
start = torch.complex(torch.ones(4), torch.ones(4))
one = torch.randn(1, 5, 3)
with torch.no_grad():
    y = layer(one.expand(2, -1, -1), start)
    apart = (y[0] - y[1]).abs().max().item()
    print(f"two equal sequences in one call: {apart:.2f} apart")
    none = (y[1] - layer(one)[0]).abs().max().item()
    print("the second one against no state at all:", none)
assert apart > 0.1 and none == 0
EOF
