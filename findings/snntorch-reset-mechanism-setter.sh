#!/usr/bin/env bash
# snnTorch: reset_mechanism can be assigned and loaded, and changes nothing
#
# Versions: snntorch 1.0.0, torch 2.13.0.
# Bet: `cell.reset_mechanism = "zero"` (a property with a checking setter), or loading the state
#   dict of a cell that resets to zero (it stores `reset_mechanism_val`), makes the cell reset so.
# Instead: the step function is chosen in the constructor. The cell reports "zero", holds the value
#   of "zero" in its state dict, and goes on subtracting the threshold.
# Output seen:
#   built: reset_mechanism_val 1, potential after a spike 0.0
#   assigned: reset_mechanism_val 1, potential after a spike 1.5
#   loaded: reset_mechanism_val 1, potential after a spike 1.5
# Why it matters: a checkpoint of a network that resets to zero, loaded into one built with the
#   defaults, loads without a complaint and spikes differently.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 snntorch==1.0.0
"$dir/venv/bin/python" - <<'EOF'
import torch
import snntorch as snn


def after_spike(cell):
    """Potential after a step without input from 2.5 (threshold 1)."""
    return cell(torch.zeros(1, 1), torch.tensor([[2.5]]))[1].item()


built = snn.Leaky(beta=1.0, reset_mechanism="zero")
assigned = snn.Leaky(beta=1.0)
assigned.reset_mechanism = "zero"
loaded = snn.Leaky(beta=1.0)
loaded.load_state_dict(built.state_dict())
for name, cell in (("built", built), ("assigned", assigned), ("loaded", loaded)):
    print(f"{name}: reset_mechanism_val {cell.reset_mechanism_val.item()},",
          f"potential after a spike {after_spike(cell)}")
    assert cell.reset_mechanism_val.item() == 1
assert after_spike(built) == 0.0
assert after_spike(assigned) == after_spike(loaded) == 1.5
EOF
