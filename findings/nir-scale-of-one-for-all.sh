#!/usr/bin/env bash
# NIR to snnTorch: neurons of different time constants all get the threshold of the slowest
#
# Versions: nir 1.0.8, nirtorch 2.6, snntorch 1.0.0, torch 2.13.0.
# Bet: a nir.LIF node whose neurons differ in tau is read neuron by neuron, or refused: the reader
#   asserts that thresholds are the same for all, and has a message "the same for all neurons".
# Instead: the input's factor r * dt / tau is folded into the threshold, and the smallest factor
#   is used for all neurons of the node. With tau of 0.2 and 1 ms the first neuron gets threshold
#   10 instead of 2, and never fires.
# Output seen:
#   decays [0.5, 0.9] threshold for both 10.0
#   thresholds that match the file [2.0, 10.0]
#   100 steps of input 4: spikes of the file's neurons [100, 33] of the imported ones [0, 33]
# Why it matters: time constants that differ by neuron are what one trains; a message in the code
#   is no check.
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

dt, tau = 1e-4, np.array([2e-4, 1e-3])
ones = np.ones(2)
graph = nir.NIRGraph(
    nodes={"input": nir.Input({"input": np.array([2])}),
           "neuron": nir.LIF(tau=tau, r=ones, v_leak=0 * ones, v_threshold=ones, v_reset=0 * ones),
           "output": nir.Output({"output": np.array([2])})},
    edges=[("input", "neuron"), ("neuron", "output")],
)
with contextlib.redirect_stdout(io.StringIO()):
    model = import_from_nir(graph)
cell = next(module for module in model.modules() if isinstance(module, snn.Leaky))
print("decays", [round(b, 4) for b in cell.beta.tolist()], "threshold for both", cell.threshold.item())
print("thresholds that match the file", [round(t, 4) for t in (tau / dt).tolist()])
v, wanted, seen = np.zeros(2), np.zeros(2, int), np.zeros(2, int)
for _ in range(100):
    v = v + dt / tau * (-v + 4.0)
    wanted += v > 1
    v = np.where(v > 1, 0, v)
    seen += cell(torch.full((1, 2), 4.0))[0].int().numpy()
print("100 steps of input 4: spikes of the file's neurons", wanted.tolist(), "of the imported ones", seen.tolist())
assert cell.threshold.numel() == 1 and wanted[0] > 0 and seen[0] == 0 and wanted[1] == seen[1]
EOF
