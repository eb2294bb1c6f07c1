#!/usr/bin/env bash
# sinabs: MembraneReset(reset_value=v) adds v to every neuron at every step
#
# Versions: sinabs 3.1.3, torch 2.13.0.
# Bet: after a spike the potential becomes reset_value; a neuron that did not spike keeps its
#   potential.
# Instead: the new potential is (no spike) * potential + reset_value, for all neurons. With a
#   reset to -0.2 a neuron without any input and without any spike drifts to -0.2 / (1 - decay),
#   here -2.1.
# Output seen:
#   reset_value 0.0: no input, 0 spikes, potential after 205 steps 0.0000
#   reset_value -0.2: no input, 0 spikes, potential after 205 steps -2.1017
# Why it matters: only the default of 0 hides it. A cell written as `where(spike, v_reset, v)`
#   disagrees with this library whenever the reset is not 0, from the first step on.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 sinabs==3.1.3
"$dir/venv/bin/python" - <<'EOF'
import torch
import sinabs.layers as sl
from sinabs.activation import MembraneReset

for value in (0.0, -0.2):
    layer = sl.LIF(tau_mem=10.0, norm_input=False, reset_fn=MembraneReset(value), record_states=True)
    with torch.no_grad():
        spikes = layer(torch.zeros(1, 5, 1))
        long = layer(torch.zeros(1, 200, 1))
    path = layer.recordings["v_mem"].flatten()
    print(f"reset_value {value}: no input, {int(spikes.sum() + long.sum())} spikes,",
          f"potential after 205 steps {path[-1].item():.4f}")
    assert not spikes.any() and not long.any()
    decay = torch.exp(torch.tensor(-0.1))
    assert torch.isclose(path[-1], value / (1 - decay), atol=1e-4)
EOF
