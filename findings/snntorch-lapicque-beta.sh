#!/usr/bin/env bash
# snnTorch's Lapicque does not decay by its beta, and a small beta makes it diverge
#
# Versions: snntorch 1.0.0, torch 2.13.0.
# Bet: Lapicque(beta=b) keeps the part b of its potential in a step, as Leaky(beta=b) does.
# Instead: beta becomes a capacity by C = 1/ln(1/b) (the exact decay), then one Euler step is taken
#   with it: the factor is 1 - ln(1/b) = 1 + ln(b). Below b = 1/e it is negative, below about 0.135
#   the potential oscillates and grows. A trained beta has no effect: C was computed once.
# Output seen:
#   beta 0.9: Leaky keeps 0.9000, Lapicque 0.8946
#   beta 0.5: Leaky keeps 0.5000, Lapicque 0.3069
#   beta 0.3: Leaky keeps 0.3000, Lapicque -0.2040
#   beta 0.1: Leaky keeps 0.1000, Lapicque -1.3026
#   learn_beta=True, beta set from 0.9 to 0.5: 0.8946 before, 0.8946 after
# Why it matters: beta is the one number that people carry from one neuron model to the other.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 snntorch==1.0.0
"$dir/venv/bin/python" - <<'EOF'
import math
import torch
import snntorch as snn

zero, one = torch.zeros(1, 1), torch.ones(1, 1)
for beta in (0.9, 0.5, 0.3, 0.1):
    leaky = snn.Leaky(beta=beta, threshold=100.0)(zero, one)[1].item()
    factor = snn.Lapicque(beta=beta, threshold=100.0)(zero, one)[1].item()
    print(f"beta {beta}: Leaky keeps {leaky:.4f}, Lapicque {factor:.4f}")
    assert math.isclose(leaky, beta, rel_tol=1e-6)
    assert math.isclose(factor, 1 + math.log(beta), rel_tol=1e-5)

cell = snn.Lapicque(beta=0.9, learn_beta=True, threshold=100.0)
before = cell(zero, one)[1].item()
with torch.no_grad():
    cell.beta.fill_(0.5)  # what an optimiser would do
after = cell(zero, one)[1].item()
print(f"learn_beta=True, beta set from 0.9 to 0.5: {before:.4f} before, {after:.4f} after")
assert before == after
EOF
