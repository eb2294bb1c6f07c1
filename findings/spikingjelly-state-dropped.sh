#!/usr/bin/env bash
# spikingjelly: a membrane that does not have the batch's full shape is replaced by zeros
#
# Versions: spikingjelly 2.0.0, torch 2.13.0.
# Bet: an initial membrane may be set as a number, a 0-d tensor, one value per neuron, or in full
#   shape, with broadcasting; a shape that does not fit is an error.
# Instead: a float and the full shape are used. A 0-d tensor and a vector of one value per neuron
#   are silently replaced by v_reset; so is the membrane left by a batch of another size.
# Output seen:
#   float: 0.8 becomes 0.4 after a step without input
#   0-d tensor: 0.8 becomes 0.0 after a step without input
#   vector (neurons): 0.8 becomes 0.0 after a step without input
#   full (batch, neurons): 0.8 becomes 0.4 after a step without input
#   full, batch of 4: 0.8 becomes 0.0 after a step without input
#   the step depends on a learned vector: False
# Why it matters: a learned initial state is naturally one vector for all sequences; here it never
#   reaches the equation and gets no gradient.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 spikingjelly==2.0.0
"$dir/venv/bin/python" - <<'EOF'
import torch
from spikingjelly.activation_based import neuron

batch, size = 2, 3
choices = {
    "float": 0.8,
    "0-d tensor": torch.tensor(0.8),
    "vector (neurons)": torch.full((size,), 0.8),
    "full (batch, neurons)": torch.full((batch, size), 0.8),
    "full, batch of 4": torch.full((4, size), 0.8),
}
for name, start in choices.items():
    cell = neuron.LIFNode(tau=2.0)
    cell.v = start
    cell(torch.zeros(batch, size))
    left = cell.v[0, 0].item()
    print(f"{name}: 0.8 becomes {left:.1f} after a step without input")
    assert abs(left - (0.4 if name in ("float", "full (batch, neurons)") else 0.0)) < 1e-6

learned = torch.full((size,), 0.8, requires_grad=True)
cell = neuron.LIFNode(tau=2.0)
cell.v = learned
cell(torch.zeros(batch, size))
print("the step depends on a learned vector:", cell.v.requires_grad)
assert not cell.v.requires_grad
EOF
