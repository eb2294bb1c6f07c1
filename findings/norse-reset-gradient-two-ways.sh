#!/usr/bin/env bash
# norse: the reset is detached in the recurrent LIF and LSNN cells, and differentiated in the plain ones
#
# Versions: norse 1.1.0, torch 2.13.0.
# Bet: LIFRecurrentCell with input weights of 1 and recurrent weights of 0 is LIFCell, in its
#   values and in its gradients: both state one equation, one threshold, one surrogate.
# Instead: the values are equal, the gradients are not: the recurrent step writes
#   (1 - z.detach()) * v, the feed-forward step (1 - z) * v. LSNN is split in the same way.
#   Nothing in the parameters says or chooses it.
# Output seen:
#   LIFCell and LIFRecurrentCell: spikes 3, values equal True, gradient of the first input 0.7494 and 1.7765
#   LSNNCell and LSNNRecurrentCell: spikes 1, values equal True, gradient of the first input 0.0116 and 1.7377
# Why it matters: whether the surrogate passes through the reset is a choice papers report and
#   results depend on; here it follows from which class one takes. A test of a gradient against
#   norse has to know which of the two.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 norse==1.1.0
"$dir/venv/bin/python" - <<'EOF'
import torch
from norse.torch import LIFCell, LIFRecurrentCell, LSNNCell, LSNNRecurrentCell

steps = 40
drive = 0.2 + 0.3 * torch.rand(steps, 1, 1, generator=torch.Generator().manual_seed(0))


def run(cell):
    x, state, spikes, voltages = drive.clone().requires_grad_(), None, [], []
    for now in x:
        z, state = cell(now, state)
        spikes.append(z)
        voltages.append(state.v)
    spikes, voltages = torch.stack(spikes), torch.stack(voltages)
    (gradient,) = torch.autograd.grad(spikes.sum(), x)
    return spikes.detach(), voltages.detach(), gradient


for plain, recurrent in ((LIFCell, LIFRecurrentCell), (LSNNCell, LSNNRecurrentCell)):
    wired = recurrent(1, 1, input_weights=torch.ones(1, 1), recurrent_weights=torch.zeros(1, 1))
    (z, v, g), (z_r, v_r, g_r) = run(plain()), run(wired)
    values = torch.equal(z, z_r) and torch.allclose(v, v_r, atol=1e-6)
    print(f"{plain.__name__} and {recurrent.__name__}: spikes {int(z.sum())}, values equal {values}, "
          f"gradient of the first input {g[0].item():.4f} and {g_r[0].item():.4f}")
    assert values and z.sum() > 0
    assert (g - g_r).abs().max() > 0.1 * g.abs().max()
EOF
