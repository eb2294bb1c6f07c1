#!/usr/bin/env bash
# spikingjelly: LIAFNode with step_mode="m" is a plain LIF, its activation is not used
#
# Versions: spikingjelly 2.0.0, torch 2.13.0.
# Bet: step_mode changes how a neuron is called (one step, or a sequence at a time), not what it
#   computes. A leaky integrate-and-analog-fire neuron puts out act(membrane).
# Instead: step by step it does; over a sequence it inherits the multi-step form of LIFNode and
#   puts out spikes: bit by bit the output of LIFNode, whatever `act` is. For nine other neurons
#   of the package the two modes agree.
# Output seen:
#   step by step, neuron 0: [0.4592, 0.3628, 0.5916, 0.7498, 0.4688, 0.6485]
#   as a sequence, neuron 1: [0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
#   as a sequence equals LIFNode: True equals step by step: False
# Why it matters: multi-step mode is the one for training (it is faster); the analog outputs that
#   the model is named after never occur there. A fused sequence form must be tested against the
#   step.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 spikingjelly==2.0.0
"$dir/venv/bin/python" - <<'EOF'
import torch
from spikingjelly.activation_based import neuron

x = torch.rand(6, 1, 3, generator=torch.Generator().manual_seed(0)) * 2
by_step = neuron.LIAFNode(torch.tanh, threshold_related=False)
at_once = neuron.LIAFNode(torch.tanh, threshold_related=False, step_mode="m")
plain = neuron.LIFNode(step_mode="m")
a, b, c = torch.stack([by_step(step) for step in x]), at_once(x), plain(x)
print("step by step, neuron 0:", [round(v, 4) for v in a[:, 0, 0].tolist()])
print("as a sequence, neuron 1:", [round(v, 4) for v in b[:, 0, 1].tolist()])
print("as a sequence equals LIFNode:", torch.equal(b, c), "equals step by step:", torch.equal(a, b))
assert torch.equal(b, c) and not torch.equal(a, b)
for kind in (neuron.IFNode, neuron.LIFNode, neuron.ParametricLIFNode, neuron.QIFNode, neuron.EIFNode,
             neuron.IzhikevichNode, neuron.KLIFNode, neuron.CUBALIFNode, neuron.ComplementaryLIFNode):
    one, many = kind(), kind()
    many.step_mode = "m"
    assert torch.equal(torch.stack([one(step) for step in x]), many(x)), kind
EOF
