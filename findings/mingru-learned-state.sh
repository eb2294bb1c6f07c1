#!/usr/bin/env bash
# minGRU-pytorch: a state of zeros has NaN gradients, a negative one gives NaN, for T > 1
#
# Versions: minGRU-pytorch 0.2.1, torch 2.13.0.
# Bet: prev_hidden is an ordinary initial state: zeros equal none given, a learned one can start
#   at zero, a negative entry is as good as a positive one.
# Instead: with one step the recurrence is computed as written and all of this holds. With two or
#   more it is computed in log space: log(0) gives the right value but a gradient of NaN, and a
#   negative entry gives NaN in all outputs. The same call works or not by the length of x.
# Output seen:
#   T=1: gradient of a state of zeros [0.347, 0.604, 0.411, 0.586], outputs from -1: finite
#   T=3: gradient of a state of zeros [nan, nan, nan, nan], outputs from -1: NaN
# Why it matters: a state made by one library need not be a state of another; a learned initial
#   state, usually begun at zeros, is lost at the first backward pass. Parallel forms carry domain
#   limits that the step form does not have.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 minGRU-pytorch==0.2.1
"$dir/venv/bin/python" - <<'EOF'
import torch
from minGRU_pytorch.minGRU import minGRU

torch.manual_seed(0)
cell = minGRU(4).double()
x = torch.randn(1, 3, 4, dtype=torch.float64)
for steps in (1, 3):
    zero = torch.zeros(1, 1, 4, dtype=torch.float64, requires_grad=True)
    y = cell(x[:, :steps], zero)
    assert torch.allclose(y, cell(x[:, :steps]))
    y.sum().backward()
    negative = cell(x[:, :steps], -torch.ones(1, 1, 4, dtype=torch.float64))
    print(f"T={steps}: gradient of a state of zeros {[round(v, 3) for v in zero.grad.flatten().tolist()]},",
          f"outputs from -1: {'NaN' if negative.isnan().all() else 'finite'}")
    assert zero.grad.isnan().all() == negative.isnan().all() == (steps > 1)
EOF
