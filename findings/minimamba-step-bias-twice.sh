#!/usr/bin/env bash
# minimamba adds the bias of the time step twice, and gates without silu
#
# Versions: minimamba 1.0.1, torch 2.13.0, numpy 2.4.6.
# Bet: the selective step is Mamba's: dt = softplus(W x + b), with b such that a fresh layer's steps
#   lie between dt_min = 0.001 and dt_max = 0.1, and the result is multiplied by silu(z).
# Instead: the projection adds its bias, and the scan adds it again: dt = softplus(W x + 2 b). A fresh
#   layer takes steps between about 1e-6 and 0.01, the squares of those that were configured, and
#   forgets nearly nothing. The gate is z itself: with z negated the result is negated.
# Output seen:
#   configured 0.001 to 0.1, taken 1.0e-06 to 0.01, as if the bias counted twice: True
#   z negated negates the result: True
# Why it matters: trained weights of mamba-ssm or transformers fit by name and shape and give other
#   answers, and a layer trained from scratch begins a hundred times slower than its configuration says.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 minimamba==1.0.1
"$dir/venv/bin/python" - <<'EOF'
import torch
from minimamba import MambaForCausalLM, MambaLMConfig
from torch.nn import functional

torch.manual_seed(0)
config = MambaLMConfig(d_model=64, n_layer=1, vocab_size=50)
mixer = MambaForCausalLM(config).eval().backbone.layers[0].mixer
softplus, steps = functional.softplus, []


def recorded(v):
    steps.append(softplus(v))
    return steps[-1]


functional.softplus = recorded
with torch.no_grad():
    mixer.dt_proj.weight.zero_()  # what is left of the step is its bias
    x = torch.randn(2, 20, 64)
    y = mixer(x)
    bias = mixer.dt_proj.bias
    twice = torch.allclose(steps[0], softplus(2 * bias).expand_as(steps[0]))
    low, high = steps[0].min().item(), steps[0].max().item()
    print(f"configured {config.dt_min} to {config.dt_max}, taken {low:.1e} to {high:.2g}, as if the bias counted twice: {twice}")
    assert twice and low < 1e-5 and high < 0.02
    assert 0.0009 < softplus(bias).min() < softplus(bias).max() < 0.11
    mixer.in_proj.weight[mixer.d_inner :] *= -1
    negated = torch.allclose(mixer(x), -y, atol=1e-6)
    print("z negated negates the result:", negated)
    assert negated and y.abs().max() > 1e-3
EOF
