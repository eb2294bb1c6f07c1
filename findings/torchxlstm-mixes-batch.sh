#!/usr/bin/env bash
# torchxlstm: mLSTM mixes the sequences of a batch, and its convolution runs over features
#
# Versions: torchxlstm 0.0.3, torch 2.13.0.
# Bet: mLSTM's denominator is max(|n . q|, 1) for each sequence, and its "causal convolution"
#   looks back over time steps.
# Instead: the denominator is computed from n.T @ q of the whole batch, of shape (hidden, hidden):
#   what a sequence gives depends on its neighbours. (sLSTM of the same package is independent.)
#   The convolution sees one step at a time, as one channel of length `features`: feature k of
#   step t mixes with features k-1, k-2, k-3 of the same step, never with an earlier step.
# Output seen:
#   sLSTM: batch of 3 against one by one: differs False
#   mLSTM: batch of 3 against one by one: differs True
#   input of the causal convolution in each of 5 steps (batch, channels, length): {(1, 1, 8)}
# Why it matters: a reference implementation for a published cell; padding a batch or reordering
#   it changes results. Run every candidate oracle once with batch rows permuted or alone before
#   trusting it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 torchxlstm==0.0.3
"$dir/venv/bin/python" - <<'EOF'
import torch
from torchxlstm import mLSTM, sLSTM

x = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
for kind in (sLSTM, mLSTM):
    torch.manual_seed(0)
    layer = kind(4, 4, 1, batch_first=True).eval()
    with torch.no_grad():
        together = layer(x)[0]
        alone = torch.cat([layer(row[None])[0] for row in x])
    off = (together - alone).abs().max().item()
    print(f"{kind.__name__}: batch of 3 against one by one: differs {off > 1e-3}")
    assert (off > 1e-3) == (kind is mLSTM)

seen = []
layer.layers[0].causal_conv.register_forward_hook(lambda module, args, out: seen.append(tuple(args[0].shape)))
layer(x[:1])
print("input of the causal convolution in each of 5 steps (batch, channels, length):", set(seen))
assert seen == [(1, 1, 8)] * 5
EOF
