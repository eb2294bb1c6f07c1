#!/usr/bin/env bash
# ncps: CfC's backbone_dropout does nothing with the default backbone of one layer
#
# Versions: ncps 1.0.1, torch 2.13.0.
# Bet: CfC(3, 4, backbone_dropout=0.9) drops units of its backbone in training mode.
# Instead: dropout layers are only put after the second and further backbone layers. With the
#   default backbone_layers=1 the option is accepted and there is none; with 2 there is one.
# Output seen:
#   backbone_layers=1: 0 dropout layers, two runs in training mode equal: True
#   backbone_layers=2: 1 dropout layers, two runs in training mode equal: False
# Why it matters: a regularisation that is silently absent. Options of a cell should have a test
#   in which they make a difference.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 ncps==1.0.1
"$dir/venv/bin/python" - <<'EOF'
import torch
from ncps.torch import CfC

x = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
for layers in (1, 2):
    torch.manual_seed(0)
    model = CfC(3, 4, backbone_dropout=0.9, backbone_layers=layers).train()
    found = sum(isinstance(module, torch.nn.Dropout) for module in model.modules())
    same = torch.equal(model(x)[0], model(x)[0])
    print(f"backbone_layers={layers}: {found} dropout layers, two runs in training mode equal: {same}")
    assert found == layers - 1 and same == (layers == 1)
EOF
