#!/usr/bin/env bash
# snnTorch to NIR and back: neurons that subtract the threshold come back resetting to zero
#
# Versions: nir 1.0.8, nirtorch 2.6, snntorch 1.0.0, torch 2.13.0.
# Bet: export_to_nir and import_from_nir are inverses (the docstring says so): the default
#   network, written and read, spikes as before; what the format cannot say is refused.
# Instead: Leaky resets by subtraction by default. NIR has no such reset, and the writer states
#   v_reset = 0, a different neuron, without a word. The reader builds one that resets to zero at
#   once (reset_delay=False): other spikes from the fifth step on. `spikingjelly`, at the same
#   place, refuses to export a soft reset.
# Output seen:
#   reset_mechanism written subtract read zero
#   v_reset in the graph [0.]
#   before 0 1 0 1 1 0 1 0 1 1 0 1 0 1 1 0 1 0 1 0
#   after  0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1
# Why it matters: every default Leaky, Synaptic, RLeaky and RSynaptic is affected. An exporter has
#   to refuse what its target cannot express.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 nir==1.0.8 nirtorch==2.6 snntorch==1.0.0
"$dir/venv/bin/python" - <<'EOF'
import contextlib
import io
import snntorch as snn
import torch
from snntorch.export_nir import export_to_nir
from snntorch.import_nir import import_from_nir


def spikes(model):
    seen = []
    for _ in range(20):
        out = model(torch.full((1, 1), 0.7))
        seen.append(int((out[0] if isinstance(out, tuple) else out).item()))
    return seen


linear = torch.nn.Linear(1, 1, bias=False)
linear.weight.data.fill_(1.0)
net = torch.nn.Sequential(linear, snn.Leaky(beta=torch.full((1,), 0.9), threshold=torch.ones(1), init_hidden=True))
with contextlib.redirect_stdout(io.StringIO()):
    graph = export_to_nir(net, torch.zeros(1, 1), ignore_dims=[0])
    back = import_from_nir(graph)
cells = [next(m for m in model.modules() if isinstance(m, snn.Leaky)) for model in (net, back)]
print("reset_mechanism written", cells[0].reset_mechanism, "read", cells[1].reset_mechanism)
print("v_reset in the graph", graph.nodes["1"].v_reset)
cells[0].reset_mem()
before, after = spikes(net), spikes(back)
print("before", *before)
print("after ", *after)
assert [c.reset_mechanism for c in cells] == ["subtract", "zero"]
assert before[:4] == after[:4] and before != after
EOF
