#!/usr/bin/env bash
# snnTorch's LeakyParallel ignores a beta per neuron and cuts negative potentials off
#
# Versions: snntorch 1.0.0, torch 2.13.0.
# Bet: LeakyParallel(beta=[0.1, 0.5, 0.9]) is a Leaky layer without reset: u' = beta*u + W x,
#   with one decay for each neuron.
# Instead: a tensor of one beta per neuron is never copied: the decays stay as the inner nn.RNN drew
#   them at random (negative ones too), and they are frozen. And the inner RNN has a relu: a
#   potential below 0 becomes 0, so inhibition has no effect on the next step.
# Output seen:
#   asked for [0.10000000149011612, 0.5, 0.8999999761581421] got [0.1528, -0.3824, 0.3464] trainable False
#   potentials [0.0, 1.0, 1.9] equation [-3.0, -1.7, -0.53]
# Why it matters: the layer is offered as the fast form of Leaky; both differences are silent, and
#   only the second is there for a scalar beta.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 snntorch==1.0.0
"$dir/venv/bin/python" - <<'EOF'
import torch
import snntorch as snn

torch.manual_seed(0)
betas = torch.tensor([0.1, 0.5, 0.9])
layer = snn.LeakyParallel(3, 3, beta=betas)
decays = layer.rnn.weight_hh_l0.diagonal()
print("asked for", betas.tolist(), "got", [round(d, 4) for d in decays.tolist()],
      "trainable", layer.rnn.weight_hh_l0.requires_grad)
assert not torch.isclose(decays, betas).any()
assert not layer.rnn.weight_hh_l0.requires_grad

layer = snn.LeakyParallel(1, 1, beta=0.9, bias=False)
layer.rnn.weight_ih_l0.data.fill_(1.0)
x = [-3.0, 1.0, 1.0]
seen = layer.rnn(torch.tensor(x).view(3, 1, 1))[0].flatten().tolist()
u, wanted = 0.0, []
for value in x:
    u = 0.9 * u + value
    wanted.append(u)
print("potentials", [round(v, 4) for v in seen], "equation", [round(v, 4) for v in wanted])
assert torch.allclose(torch.tensor(seen), torch.tensor([0.0, 1.0, 1.9]))
EOF
