#!/usr/bin/env bash
# sinabs: recordings of recurrent layers hold the next step's membrane, before its reset
#
# Versions: sinabs 3.1.3, torch 2.13.0.
# Bet: with record_states=True, recordings["v_mem"][:, t] is the membrane after step t, in LIF and
#   in LIFRecurrent alike.
# Instead: LIF stores copies. LIFRecurrent, ALIF and ALIFRecurrent store the state's dictionary
#   itself, which the next step writes into before it makes a new one: the entry of step t is the
#   potential of step t+1 *before* its reset. Only the last entry is right. With recurrent weights
#   of zero both layers compute the same thing and record two different things.
# Output seen:
#   same spikes True same final membrane True
#   LIF          [0.6, 0.1429, 0.7293, 0.2599]
#   LIFRecurrent [1.1429, 0.7293, 1.2599, 0.2599]
# Why it matters: a recording is what one compares a cell with; here it shows potentials above the
#   threshold that the network never keeps.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 sinabs==3.1.3
"$dir/venv/bin/python" - <<'EOF'
import torch
import sinabs.layers as sl

connect = torch.nn.Linear(1, 1, bias=False)
connect.weight.data.zero_()
options = {"tau_mem": 10.0, "norm_input": False, "record_states": True}
plain, recurrent = sl.LIF(**options), sl.LIFRecurrent(rec_connect=connect, **options)
x = torch.full((1, 4, 1), 0.6)
with torch.no_grad():
    same = torch.equal(plain(x), recurrent(x))
print("same spikes", same, "same final membrane", torch.equal(plain.v_mem, recurrent.v_mem))
a, b = (layer.recordings["v_mem"].flatten() for layer in (plain, recurrent))
print("LIF         ", [round(v, 4) for v in a.tolist()])
print("LIFRecurrent", [round(v, 4) for v in b.tolist()])
assert same and torch.equal(plain.v_mem, recurrent.v_mem)
decay = torch.exp(torch.tensor(-0.1))
assert torch.allclose(b[:-1], decay * a[:-1] + 0.6) and torch.isclose(a[-1], b[-1])
EOF
