#!/usr/bin/env bash
# spikingjelly: GatedLIFNode cuts sequences at T, and gives dense inputs two more axes
#
# Versions: spikingjelly 2.0.0, torch 2.13.0.
# Bet: a neuron layer maps (T, N, C) to (T, N, C); one built for T=3 steps refuses a sequence of
#   5.
# Instead: its parameters are viewed as (1, C, 1, 1): an input without height and width is
#   broadcast against them, (3, 2, 4) becomes (3, 1, 4, 2, 4), every channel with every channel's
#   parameters. A longer sequence loses its end silently (its last steps are never read), a
#   shorter one fails.
# Output seen:
#   T=3, inplane=4: (3, 2, 4, 5, 5) -> (3, 2, 4, 5, 5)
#   T=3, inplane=4: (3, 2, 4) -> (3, 1, 4, 2, 4)
#   T=3, inplane=None: (3, 2, 4) -> (3, 1, 1, 2, 4)
#   T=3, inplane=4: (5, 2, 4, 1, 1) -> (3, 2, 4, 1, 1)
# Why it matters: a following Linear layer accepts the five axes; a loss that takes means hides
#   them.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 spikingjelly==2.0.0
"$dir/venv/bin/python" - <<'EOF'
import torch
from spikingjelly.activation_based import neuron

for shape, channels in (((3, 2, 4, 5, 5), 4), ((3, 2, 4), 4), ((3, 2, 4), None), ((5, 2, 4, 1, 1), 4)):
    layer = neuron.GatedLIFNode(T=3, inplane=channels)
    out = tuple(layer(torch.rand(shape)).shape)
    print(f"T=3, inplane={channels}: {shape} -> {out}")
    assert (out == shape) == (shape == (3, 2, 4, 5, 5))
assert out == (3, 2, 4, 1, 1)
EOF
