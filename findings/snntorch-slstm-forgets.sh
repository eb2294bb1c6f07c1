#!/usr/bin/env bash
# snnTorch's SLSTM has no memory when input and hidden sizes differ
#
# Versions: snntorch 1.0.0, torch 2.13.0.
# Bet: SLSTM(3, 5) carries syn and mem from step to step, like the nn.LSTMCell inside it.
# Instead: a state is kept only if its shape equals the shape of the *input*; any other state is
#   replaced by zeros, those that the caller passes too. With input_size != hidden_size each step
#   starts from zeros, without a warning: the recurrent weights get no gradient at all.
# Output seen:
#   SLSTM(5, 5) after 4 steps: is the recurrence's True, is the last step's alone False; gradient of recurrent weights not zero
#   SLSTM(3, 5) after 4 steps: is the recurrence's False, is the last step's alone True; gradient of recurrent weights zero
# Why it matters: the model trains and its loss falls, as a feed-forward network. Whoever compares
#   a cell with SLSTM has to compare at equal sizes.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 snntorch==1.0.0
"$dir/venv/bin/python" - <<'EOF'
import torch
import snntorch as snn

torch.manual_seed(0)
for inputs, hidden in ((5, 5), (3, 5)):
    cell = snn.SLSTM(inputs, hidden)
    x = torch.randn(4, 2, inputs)
    syn, mem = torch.zeros(2, hidden), torch.zeros(2, hidden)
    h, c = torch.zeros(2, hidden), torch.zeros(2, hidden)
    for step in x:
        _, syn, mem = cell(step, syn, mem)
        h, c = cell.lstm_cell(step, (h, c))
    _, _, alone = cell(x[-1], torch.zeros(2, hidden), torch.zeros(2, hidden))
    mem.sum().backward()
    recurrent = cell.lstm_cell.weight_hh.grad.abs().max().item()
    print(f"SLSTM({inputs}, {hidden}) after 4 steps: is the recurrence's {torch.allclose(mem, h)},",
          f"is the last step's alone {torch.equal(mem, alone)};",
          f"gradient of recurrent weights {'not zero' if recurrent else 'zero'}")
    same = inputs == hidden
    assert torch.allclose(mem, h) == same
    assert torch.equal(mem, alone) != same
    assert (recurrent > 0) == same
EOF
