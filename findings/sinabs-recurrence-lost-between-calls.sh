#!/usr/bin/env bash
# sinabs: a recurrent layer keeps its membrane between calls and forgets its last spikes
#
# Versions: sinabs 3.1.3, torch 2.13.0.
# Bet: LIFRecurrent is stateful (it must be reset by hand), so six steps in one call equal two
#   calls of three, and six of one.
# Instead: the membrane is carried over, the spikes that are fed back are not: each call begins
#   with a recurrent input of zero. Stepped one by one, the layer is not recurrent at all.
# Output seen:
#   in calls of 6 steps: [0, 1, 1, 1, 1, 1]
#   in calls of 3 steps: [0, 1, 1, 0, 1, 1]
#   in calls of 1 steps: [0, 1, 0, 1, 0, 1]
#   without recurrence:    [0, 1, 0, 1, 0, 1]
# Why it matters: streaming, truncated backpropagation and step-by-step comparison with another
#   implementation all give other spikes than one long call. A layer's state is everything that
#   the next step reads.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 sinabs==3.1.3
"$dir/venv/bin/python" - <<'EOF'
import torch
import sinabs.layers as sl

connect = torch.nn.Linear(1, 1, bias=False)
connect.weight.data.fill_(0.5)
layer = sl.LIFRecurrent(tau_mem=10.0, norm_input=False, rec_connect=connect)
x = torch.full((1, 6, 1), 0.6)
spikes = {}
for size in (6, 3, 1):
    layer.reset_states()
    with torch.no_grad():
        spikes[size] = torch.cat([layer(part) for part in x.split(size, dim=1)], 1).flatten().int().tolist()
    print(f"in calls of {size} steps: {spikes[size]}")
plain = sl.LIF(tau_mem=10.0, norm_input=False)
with torch.no_grad():
    without = plain(x).flatten().int().tolist()
print(f"without recurrence:    {without}")
assert spikes[6] != spikes[3] != spikes[1]
assert spikes[1] == without
EOF
