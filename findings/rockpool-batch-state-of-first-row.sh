#!/usr/bin/env bash
# Rockpool: after a batch, every row goes on from the state of the first row
#
# Versions: rockpool 3.1.0, torch 2.13.0.
# Bet: a module that keeps its state between calls and takes batches (batch, time, neuron) keeps
#   the state of each row: two halves of the time give what one call gives. If it cannot, it
#   starts anew or refuses.
# Instead: only row 0's state is kept, and the next call copies it to all rows: row 0 is right, all
#   others go on from a stranger's state. The returned state dict has no batch axis either. NumPy
#   modules alike. A batch of 1 is right.
# Output seen:
#   ExpSynTorch: rows off by [0.0, 1.526, 1.175], row 1 on its own by 0.000
#   LIFTorch: rows off by [0.0, 2.0, 2.0], row 1 on its own by 0.000
#   RateTorch: rows off by [0.0, 0.08, 0.061], row 1 on its own by 0.000
#   ExpSyn: rows off by [0.0, 1.526, 1.175], row 1 on its own by 0.000
#   Rate: rows off by [0.0, 0.08, 0.061], row 1 on its own by 0.000
# Why it matters: truncated backpropagation over chunks, and streaming in batches, train and run
#   on states that belong to other samples; a test with one sequence passes. Call reset_state()
#   between batches, and do not cut them in time.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 rockpool==3.1.0
"$dir/venv/bin/python" - <<'EOF'
import warnings

import numpy as np
import torch

warnings.simplefilter("ignore")
from rockpool.nn.modules import ExpSyn, ExpSynTorch, LIFTorch, Rate, RateTorch

x = torch.rand(3, 20, 2, generator=torch.Generator().manual_seed(0))
tau = torch.tensor(0.02)
makers = {
    "ExpSynTorch": lambda: ExpSynTorch(2, tau=tau, dt=1e-3),
    "LIFTorch": lambda: LIFTorch(2, tau_mem=tau, tau_syn=tau, dt=1e-3),
    "RateTorch": lambda: RateTorch(2, dt=1e-3),
    "ExpSyn": lambda: ExpSyn(2, tau=0.02, dt=1e-3),
    "Rate": lambda: Rate(2, dt=1e-3),
}


def in_calls(make, data, cuts):
    """Run one module over the pieces of `data`, its state handed on as the manual says."""
    module, outputs = make(), []
    for piece in cuts:
        part = data[:, piece] if "Torch" in name else data[:, piece].numpy()
        output, state, _ = module(part)
        module = module.set_attributes(state)
        outputs.append(torch.as_tensor(output).detach().numpy())
    return np.concatenate(outputs, 1)


for name, make in makers.items():
    one, halves = [slice(None)], [slice(0, 10), slice(10, None)]
    off = np.abs(in_calls(make, x, halves) - in_calls(make, x, one)).max((1, 2))
    alone = np.abs(in_calls(make, x[1:2], halves) - in_calls(make, x[1:2], one)).max()
    print(f"{name}: rows off by {[round(float(o), 3) for o in off]}, row 1 on its own by {alone:.3f}")
    assert off[0] < 1e-6 and alone < 1e-6 and min(off[1:]) > 0.03
EOF
