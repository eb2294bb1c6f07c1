#!/usr/bin/env bash
# sinabs: a smaller batch starts from the membranes of randomly drawn other sequences
#
# Versions: sinabs 3.1.3, torch 2.13.0.
# Bet: a stateful layer that meets another batch size either refuses it or starts from zeros.
# Instead: it draws rows of the old state at random, with replacement and from torch's global
#   generator, and goes on with them. The last, smaller batch of an epoch, or a single sequence
#   after a batch, starts where some other sequence stopped, another one each time. LIFRecurrent,
#   in the same place, starts from zeros.
# Output seen:
#   seed 0: potentials before the step [0.1, 0.4]
#   seed 1: potentials before the step [0.2, 0.4]
#   seed 2: potentials before the step [0.1, 0.4]
#   global random stream moved: True
#   LIFRecurrent: [0.0, 0.0]
# Why it matters: results for the same input are not reproducible without a seed, and the draw
#   moves the random stream of everything after it (dropout, shuffling). Reset states explicitly
#   before comparing a cell with these layers.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 sinabs==3.1.3
"$dir/venv/bin/python" - <<'EOF'
import copy
import math
import torch
import sinabs.layers as sl

layer = sl.LIF(tau_mem=10.0, norm_input=False)
layer(torch.tensor([0.1, 0.2, 0.3, 0.4]).view(4, 1, 1))  # a batch of 4, one step
silent = torch.zeros(2, 1, 1)  # then a batch of 2, without input
seen = set()
for seed in range(3):
    again = copy.deepcopy(layer)
    torch.manual_seed(seed)
    again(silent)
    rows = (again.v_mem / math.exp(-0.1)).flatten()
    print(f"seed {seed}: potentials before the step", [round(v, 4) for v in rows.tolist()])
    seen.add(tuple(round(v, 4) for v in rows.tolist()))
assert len(seen) > 1 and not any(0.0 in rows for rows in seen)

torch.manual_seed(0)
state = torch.get_rng_state()
copy.deepcopy(layer)(silent)
print("global random stream moved:", not torch.equal(state, torch.get_rng_state()))
assert not torch.equal(state, torch.get_rng_state())

recurrent = sl.LIFRecurrent(tau_mem=10.0, norm_input=False, rec_connect=torch.nn.Linear(1, 1, bias=False))
recurrent(torch.tensor([0.1, 0.2, 0.3, 0.4]).view(4, 1, 1))
recurrent(silent)
print("LIFRecurrent:", recurrent.v_mem.flatten().tolist())
assert not recurrent.v_mem.any()
EOF
