#!/usr/bin/env bash
# ncps: LTC computes with a private table of its parameters, not with the module's
#
# Versions: ncps 1.0.1, torch 2.13.0.
# Bet: what torch does to a module's parameters acts on its results: functional_call,
#   load_state_dict(assign=True), a parametrisation.
# Instead: LTCCell reads its weights from a dict that was filled in the constructor.
#   functional_call with other weights returns the old result, assign=True loads weights that are
#   shown and never used. CfC of the same package follows.
# Output seen:
#   CfC: functional_call follows True; after assign=True the weights are the new ones True, the result is the new one True, the old one False
#   LTC: functional_call follows False; after assign=True the weights are the new ones True, the result is the new one False, the old one True
# Why it matters: torch.func (per-sample gradients, ensembling, meta-learning, hypernetworks)
#   gives wrong results instead of an error; so do tools that swap parameters.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 ncps==1.0.1
"$dir/venv/bin/python" - <<'EOF'
import torch
from ncps.torch import CfC, LTC

x = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
for kind in (CfC, LTC):
    torch.manual_seed(0)
    model, other = kind(3, 4), kind(3, 4)
    with torch.no_grad():
        wanted, before = other(x)[0], model(x)[0]
        called = torch.func.functional_call(model, dict(other.named_parameters()), (x,))[0]
        model.load_state_dict(other.state_dict(), assign=True)
        assigned = model(x)[0]
    shown = all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters()))
    print(f"{kind.__name__}: functional_call follows {torch.equal(called, wanted)};",
          f"after assign=True the weights are the new ones {shown},",
          f"the result is the new one {torch.equal(assigned, wanted)}, the old one {torch.equal(assigned, before)}")
    assert shown
    assert torch.equal(called, wanted) == torch.equal(assigned, wanted) == (kind is CfC)
    assert torch.equal(called, before) == torch.equal(assigned, before) == (kind is LTC)
EOF
