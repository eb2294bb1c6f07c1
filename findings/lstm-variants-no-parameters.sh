#!/usr/bin/env bash
# lstm-variants: its LSTM has no parameters, and a BiLSTM's backward outputs stand in reverse
#
# Versions: lstm-variants 0.1.2, torch 2.13.0, numpy 2.4.6.
# Bet: LSTM and BiLSTM are modules whose weights an optimiser finds, `state_dict` saves and `.double()`
#   converts; at each step a BiLSTM's output is that of both directions there.
# Instead: weights are made as `self.Wi, self.Wo, self.Wz = nn.Parameter(...)`. Taking a parameter
#   apart gives three plain tensors, and none of them is registered. LSTM and BiLSTM have no
#   parameter, FocusedLSTM one of four, LightweightLSTM two of four. Gradients are computed and reach nobody;
#   in a larger model the rest trains around random weights, which are lost when it is saved.
#   The backward direction is not turned round again: its output for the first step is the last one.
# Output seen:
#   LSTM: 0 parameters, state dict []
#   BiLSTM: 0 parameters, state dict []
#   FocusedLSTM: 1 parameters, state dict ['W']
#   LightweightLSTM: 2 parameters, state dict ['W', 'Ri']
#   a model with a readout after training: loss fell, the LSTM's weights changed: False
#   another input at the first step changes backward outputs at [4] alone
# Why it matters: torch accepts such a module everywhere but in an optimiser of its own. Unpack a
#   parameter and wrap the parts: count `parameters()` of a layer before a comparison.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 lstm-variants==0.1.2
"$dir/venv/bin/python" - <<'EOF'
import torch
from lstm_variants import LSTM, BiLSTM, FocusedLSTM, LightweightLSTM

torch.manual_seed(0)
for kind, kept in ((LSTM, []), (BiLSTM, []), (FocusedLSTM, ["W"]), (LightweightLSTM, ["W", "Ri"])):
    layer = kind(3, 4)
    names = list(layer.state_dict())
    print(f"{kind.__name__}: {len(list(layer.parameters()))} parameters, state dict {names}")
    assert names == kept


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.readout = LSTM(3, 4), torch.nn.Linear(4, 1)

    def forward(self, x):
        return self.readout(self.lstm(x)[0])


model, x, wanted = Model(), torch.randn(8, 5, 3), torch.randn(5, 8, 1)
before = model.lstm.Wi.detach().clone()
losses, optimiser = [], torch.optim.Adam(model.parameters(), lr=0.05)
for _ in range(20):
    optimiser.zero_grad()
    losses.append((model(x) - wanted).square().mean())
    losses[-1].backward()
    optimiser.step()
changed = not torch.equal(before, model.lstm.Wi)
print("a model with a readout after training: loss fell, the LSTM's weights changed:", changed)
assert losses[-1] < losses[0] and not changed
both, one = BiLSTM(3, 4), torch.randn(1, 5, 3)
other = one.clone()
other[0, 0] += 1
moved = (both(one)[0] - both(other)[0])[:, 0, 4:].abs().amax(1) > 0
steps = moved.nonzero()[:, 0].tolist()
print(f"another input at the first step changes backward outputs at {steps} alone")
assert steps == [4]
EOF
