#!/usr/bin/env bash
# xlstm: in sLSTMLayer the weights called fgate drive the input gate, and those called igate the forget gate
#
# Versions: xlstm 2.0.6, torch 2.13.0, numpy 2.4.6.
# Bet: `fgate.weight` in the state dict of an sLSTM layer belongs to the forget gate and `igate.weight`
#   to the input gate, as in mLSTMCell of the same package, whose igate and fgate are what they say.
# Instead: the layer packs fgate, igate, zgate, ogate in the places where the cell reads i, f, z, o. The
#   state is that of the published equation (exponential input gate, sigmoid forget gate) with the two
#   names exchanged. Bias and recurrent weights, which the cell keeps packed, are in the order i, f, z, o.
# Output seen:
#   last hidden state against the equation with the names as they are: 0.471 off
#   with igate and fgate exchanged: 0.000 off
#   fgate.weight times 0: all input gates are 1: True
# Why it matters: published checkpoints carry these names. A port that maps weights by name loads without
#   a complaint, and the half of the layer that comes by position, bias and recurrence, still fits.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 packaging==25.0
"$dir/venv/bin/pip" install --quiet --no-deps xlstm==2.0.6  # its kernels are not needed here
"$dir/venv/bin/python" - <<'EOF'
import torch
from xlstm.blocks.slstm.layer import sLSTMLayer, sLSTMLayerConfig

torch.manual_seed(0)
config = sLSTMLayerConfig(
    embedding_dim=4, num_heads=1, conv1d_kernel_size=0, backend="vanilla", dropout=0.0
)
layer = sLSTMLayer(config)
x = torch.randn(1, 6, 4)


def equation(input_gate, forget_gate):
    """sLSTM without recurrent weights and biases, from zeros; the last h, and all input gates."""
    c = n = torch.zeros(4)
    gates = []
    for u in x[0]:
        i = torch.exp(input_gate.weight[0] @ u)
        f = torch.sigmoid(forget_gate.weight[0] @ u)
        c = f * c + i * torch.tanh(layer.zgate.weight[0] @ u)
        n = f * n + i
        h = torch.sigmoid(layer.ogate.weight[0] @ u) * c / n
        gates.append(i)
    return h, torch.stack(gates)


with torch.no_grad():
    for weight in layer.parameters():
        weight.normal_()
    layer.slstm_cell._recurrent_kernel_.zero_()
    layer.slstm_cell._bias_.zero_()
    _, state = layer(x, return_last_state=True)
    h = state["slstm_state"][0, 0]
    named = (h - equation(layer.igate, layer.fgate)[0]).abs().max().item()
    exchanged = (h - equation(layer.fgate, layer.igate)[0]).abs().max().item()
    layer.fgate.weight.zero_()
    _, state = layer(x, return_last_state=True)
    want, gates = equation(layer.fgate, layer.igate)
    ones = bool((gates == 1).all()) and torch.allclose(state["slstm_state"][0, 0], want, atol=1e-5)
print(f"last hidden state against the equation with the names as they are: {named:.3f} off")
print(f"with igate and fgate exchanged: {exchanged:.3f} off")
print("fgate.weight times 0: all input gates are 1:", ones)
assert named > 0.05 and exchanged < 1e-5 and ones
EOF
