#!/usr/bin/env bash
# NIR to sinabs: a time constant in seconds is read as a number of steps, r is not read
#
# Versions: nir 1.0.4, sinabs 3.1.3, torch 2.13.0.
# Bet: tau of nir.LIF is a time (snnTorch, norse and spikingjelly write seconds, with dt of 0.1 or
#   1 ms), r scales the input; a reader asks for dt, or refuses what it cannot use (as this one
#   does for v_leak).
# Instead: from_nir has no dt and passes tau on as a number of steps: 10 ms become 0.01 steps, the
#   decay exp(-100), a neuron without memory. r is ignored. The same file's neuron fires 5 times
#   in 20 steps, the imported one never. Writing with sinabs and reading with sinabs is
#   consistent, so its own round trip shows nothing.
# Output seen:
#   tau of the file 0.01 s, of the layer 0.01 steps; decay of a step 4e-44
#   20 steps of 0.3: the file's neuron fires 5 times, the imported one 0 times; its potential is the last input, 0.3
# Why it matters: units are part of an exchange format's meaning; a file that loads is not a file
#   that was understood.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 nir==1.0.4 nirtorch==2.0.2 sinabs==3.1.3
"$dir/venv/bin/python" - <<'EOF'
import tempfile
import nir
import numpy as np
import sinabs.layers as sl
import torch
from sinabs.nir import from_nir

dt, one = 1e-3, np.ones(1)
tau, r = 1e-2 * one, 10 * one
graph = nir.NIRGraph(
    nodes={"input": nir.Input({"input": np.array([1])}),
           "neuron": nir.LIF(tau=tau, r=r, v_leak=0 * one, v_threshold=one),
           "output": nir.Output({"output": np.array([1])})},
    edges=[("input", "neuron"), ("neuron", "output")],
)
with tempfile.NamedTemporaryFile(suffix=".nir") as file:
    nir.write(file.name, graph)
    model = from_nir(nir.read(file.name), batch_size=1)
cell = next(module for module in model.modules() if isinstance(module, sl.LIF))
decay = cell.alpha_mem_calculated.item()
print(f"tau of the file {tau[0]} s, of the layer {cell.tau_mem.item():.2f} steps; decay of a step {decay:.0e}")
assert decay < 1e-40

v, wanted, x = 0.0, 0, 0.3
for _ in range(20):
    v += (dt / tau[0]) * (-v + r[0] * x)
    if v > 1:
        wanted, v = wanted + 1, v - 1
out = model(torch.full((20, 1), x))
seen = int((out[0] if isinstance(out, tuple) else out).sum())
print(f"20 steps of {x}: the file's neuron fires {wanted} times, the imported one {seen} times;",
      f"its potential is the last input, {cell.v_mem.item():.1f}")
assert wanted > 0 and seen == 0 and abs(cell.v_mem.item() - x) < 1e-6
EOF
