#!/usr/bin/env bash
# ncps: in a CfC over a wiring, every input reaches every neuron all the same
#
# Versions: ncps 1.0.1, torch 2.13.0.
# Bet: CfC(inputs, AutoNCP(...)) has only the synapses of the wiring: without a synapse from input
#   i to neuron j, the output of j in this step does not depend on i.
# Instead: the wiring masks the two candidate layers ff1 and ff2, but not time_a and time_b, whose
#   sigmoid blends them. The derivative is not zero for any pair. The signs of synapses
#   (excitatory, inhibitory) are dropped as well. LTC over the same wiring respects both.
# Output seen:
#   CfC: 27 of 27 pairs without a synapse have a derivative
#   LTC: 0 of 27 pairs without a synapse have a derivative
#   synapses of the wiring [-1, 0, 1] mask of the cell [0.0, 1.0]
# Why it matters: sparsity, parameter counts and the "interpretable circuit" are claims that
#   people make of such a cell. A masked linear map has to be masked in all of its copies.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 ncps==1.0.1
"$dir/venv/bin/python" - <<'EOF'
import torch
from ncps.torch import CfC, LTC
from ncps.wirings import AutoNCP

torch.manual_seed(0)
x, h = torch.randn(1, 6), torch.randn(1, 12)
for kind in (CfC, LTC):
    wiring = AutoNCP(12, 2, sparsity_level=0.8, seed=3)
    model = kind(6, wiring)
    sensory = torch.tensor(wiring.sensory_adjacency_matrix)  # (inputs, neurons)
    first = wiring.get_neurons_of_layer(0)

    def step(value):
        _, state = model(value[:, None], h)
        # CfC orders its state by layer: the neurons of layer 0 come first.
        return state[0, : len(first)] if kind is CfC else state[0, first]

    slope = torch.autograd.functional.jacobian(step, x)[:, 0].T  # (inputs, neurons)
    if kind is LTC:
        with torch.no_grad():  # steps within a step let neurons talk to each other: cut those
            model.rnn_cell._params["sparsity_mask"].zero_()
        slope = torch.autograd.functional.jacobian(step, x)[:, 0].T
    absent = sensory[:, first] == 0
    reached = int((slope[absent] != 0).sum())
    print(f"{kind.__name__}: {reached} of {int(absent.sum())} pairs without a synapse have a derivative")
    assert reached == (int(absent.sum()) if kind is CfC else 0)

model = CfC(6, AutoNCP(12, 2, sparsity_level=0.8, seed=3))
signs = sorted(set(sensory[:, first].flatten().tolist()))
kept = sorted(set(model.rnn_cell.layer_0.sparsity_mask[:, :6].flatten().tolist()))
print("synapses of the wiring", signs, "mask of the cell", kept)
assert -1 in signs and kept == [0.0, 1.0]
EOF
