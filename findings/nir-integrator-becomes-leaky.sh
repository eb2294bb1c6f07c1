#!/usr/bin/env bash
# NIR to snnTorch: an integrate-and-fire neuron comes back as a leaky one with beta 0.9
#
# Versions: nir 1.0.8, nirtorch 2.6, snntorch 1.0.0, torch 2.13.0.
# Bet: nir.IF, which has no time constant at all, is read as a neuron without leak (Leaky with
#   beta=1), or refused.
# Instead: import_from_nir builds Leaky(beta=0.9). Inputs of 0.09 reach the threshold of 1 after
#   12 steps in the file's neuron; the imported one settles at 0.9 and never fires. It also resets
#   by subtraction, whatever v_reset says, though LIF of the same file is read as resetting to
#   zero.
# Output seen:
#   nir.IF becomes Leaky with beta 0.9, reset_mechanism subtract
#   200 steps of 0.09: the file's neuron fires 16 times, the imported one 0 times; its potential 0.9000
# Why it matters: an exchange format is only as good as its readers: check a round trip by running
#   it, not by looking at the graph.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 nir==1.0.8 nirtorch==2.6 snntorch==1.0.0
"$dir/venv/bin/python" - <<'EOF'
import contextlib
import io
import nir
import numpy as np
import snntorch as snn
import torch
from snntorch.import_nir import import_from_nir

one = np.ones(1)
graph = nir.NIRGraph(
    nodes={"input": nir.Input({"input": np.array([1])}),
           "neuron": nir.IF(r=one, v_threshold=one, v_reset=0 * one),
           "output": nir.Output({"output": np.array([1])})},
    edges=[("input", "neuron"), ("neuron", "output")],
)
with contextlib.redirect_stdout(io.StringIO()):
    model = import_from_nir(graph)
cell = next(module for module in model.modules() if isinstance(module, snn.Leaky))
print(f"nir.IF becomes Leaky with beta {cell.beta.item():.1f}, reset_mechanism {cell.reset_mechanism}")
assert abs(cell.beta.item() - 0.9) < 1e-6 and cell.reset_mechanism == "subtract"

v, wanted, seen, mem = 0.0, 0, 0, torch.zeros(1, 1)
for step in range(200):
    v += 0.09
    wanted += v > 1
    v = 0.0 if v > 1 else v
    spike, mem = cell(torch.full((1, 1), 0.09), mem)
    seen += int(spike.item())
print(f"200 steps of 0.09: the file's neuron fires {wanted} times, the imported one {seen} times;",
      f"its potential {mem.item():.4f}")
assert wanted == 16 and seen == 0
EOF
