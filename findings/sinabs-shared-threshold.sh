#!/usr/bin/env bash
# sinabs: loading one layer's state dict changes the threshold of all layers
#
# Versions: sinabs 3.1.3, torch 2.13.0.
# Bet: every layer has its own spike_threshold: it is an nn.Parameter of the layer and in its
#   state dict.
# Instead: the default threshold is one tensor made when the module is imported, and the parameter
#   shares its memory. load_state_dict copies in place: every LIF of the process that was built
#   without an explicit threshold changes with it, and so do those that are built later.
# Output seen:
#   before: 1.0 1.0
#   after loading the second: 3.0 3.0 a new one: 3.0
# Why it matters: a default argument that is an array is shared state. Whoever wraps such layers,
#   or writes cells with array-valued defaults, has to copy; and two models in one process
#   (teacher and student, ensemble) cannot be trusted here.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 sinabs==3.1.3
"$dir/venv/bin/python" - <<'EOF'
import torch
import sinabs.layers as sl

first, second = sl.LIF(tau_mem=10.0), sl.LIF(tau_mem=20.0)
state = {name: value.clone() for name, value in second.state_dict().items()}
state["spike_threshold"] = torch.tensor(3.0)
print("before:", first.spike_threshold.item(), second.spike_threshold.item())
second.load_state_dict(state)
third = sl.LIF(tau_mem=30.0)
print("after loading the second:", first.spike_threshold.item(), second.spike_threshold.item(),
      "a new one:", third.spike_threshold.item())
assert first.spike_threshold.item() == third.spike_threshold.item() == 3.0
assert first.spike_threshold.data_ptr() == second.spike_threshold.data_ptr()
EOF
