#!/usr/bin/env bash
# snnTorch's AssociativeLeaky stops storing: its memory fades to nothing after a few dozen steps.
#
# One would bet: the layer is S[t] = alpha[t] * S[t-1] + v[t] k[t]', so that with gates alpha of about
# a half every step's write is there at that step, however long the sequence is.
# What happens: S is computed as cumsum(write / (P + 1e-8)) * P, where P is the product of all gates so
# far.  Once P is far below 1e-8, new writes are multiplied by P / 1e-8, which is almost 0: with gates
# of 0.5 the state at step 60 is a 1e-10th of what the recurrence has, and nothing is written ever again.
# No output says so: without the readout it returns zeros, with it no neuron spikes.
# Why it matters: T=28 (a digit by rows) works, T=64 or T=784 is silently another network, and a port
# that follows the documented recurrence disagrees with it.
#
# Printed:
#   step 10: library 2.00, recurrence 2.00
#   step 60: library 0.00, recurrence 2.00
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install -q torch==2.13.0 snntorch==1.0.0
"$folder/bin/python" - <<'PY'
import torch
import snntorch as snn

layer = snn.AssociativeLeaky(1, 1, 1, 1, use_q_projection=False)
layer.output = False  # the membrane itself, before it spikes
with torch.no_grad():
    for linear, bias in ((layer.to_v, 1.0), (layer.to_k, 1.0), (layer.to_alpha, 0.0)):
        linear.weight.zero_()
        linear.bias.fill_(bias)  # v = k = 1, alpha = sigmoid(0) = 0.5
found = layer(torch.zeros(80, 1, 1)).flatten().tolist()
wanted, state = [], 0.0
for _ in range(80):
    state = 0.5 * state + 1.0
    wanted.append(state)
for step in (10, 60):
    print(f"step {step}: library {found[step]:.2f}, recurrence {wanted[step]:.2f}")
assert abs(found[10] - wanted[10]) < 1e-3
assert wanted[60] > 1.99 and abs(found[60]) < 1e-6
PY
