#!/usr/bin/env bash
# s5-pytorch: the liquid form loses its liquid part at a carried state and in reverse
#
# Versions: s5-pytorch 0.2.1, torch 2.13.0.
# Bet: liquid=True gives x' = (A + B u) * x + B u, in one call, in chunks with the state handed
#   over, step by step (forward_rnn), and in both directions of bidir=True.
# Instead: with a given state the first step uses A alone, so chunks differ from one call (and
#   from forward_rnn, which is right); the reverse half of bidir=True uses A alone in every step:
#   it is not liquid.
# Output seen:
#   second chunk against one call: 0.145 off; step by step 1e-07 off
#   bidirectional against a reverse half with liquid=True: off by more than 1e-5: True
#   bidirectional against a reverse half with liquid=False: off by more than 1e-5: False
# Why it matters: an associative scan wants (a, b) pairs prepared beforehand; every place that
#   prepares them must agree. Test a scan form against the plain loop with a state that is not
#   zero, in both directions.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 scipy==1.17.1 s5-pytorch==0.2.1
"$dir/venv/bin/python" - <<'EOF'
import torch
from s5 import S5


def loop(seq, u, state, liquid):
    """States of the recurrence, written out."""
    b, _ = seq.get_BC_tilde()
    a, b = seq.discretize(seq.Lambda, b, torch.exp(seq.log_step))
    states = []
    for step in u.to(torch.complex64):
        bu = b @ step
        state = (a + bu if liquid else a) * state + bu
        states.append(state)
    return torch.stack(states)


torch.manual_seed(0)
layer = S5(4, 4, liquid=True).eval()
x = torch.randn(1, 6, 4)
zero = torch.zeros(4, dtype=torch.complex64)
with torch.no_grad():
    layer.seq.log_step.fill_(0.0)  # steps of size 1, so that the input's part shows
    whole, last = layer(x, return_state=True)
    assert torch.allclose(last[0], loop(layer.seq, x[0], zero, True)[-1], atol=1e-6)
    _, state = layer(x[:, :3], return_state=True)
    second = layer(x[:, 3:], state=state)
    stepped, carried = [], state[0]
    for step in x[0, 3:]:
        y, carried = layer.seq.forward_rnn(step, carried)
        stepped.append(y)
    chunked = (second - whole[:, 3:]).abs().max().item()
    by_step = (torch.stack(stepped) - whole[0, 3:]).abs().max().item()
    print(f"second chunk against one call: {chunked:.3f} off; step by step {by_step:.0e} off")
    assert chunked > 1e-2 and by_step < 1e-5

    both = S5(4, 4, liquid=True, bidir=True).eval()
    both.seq.log_step.fill_(0.0)
    seq = both.seq
    _, c = seq.get_BC_tilde()
    forth = loop(seq, x[0], zero, True)
    for liquid in (True, False):
        back = loop(seq, x[0].flip(0), zero, liquid).flip(0)
        y = (torch.cat([forth, back], -1) @ c.T).real + seq.D * x[0]
        off = (y - both(x)[0]).abs().max().item()
        print(f"bidirectional against a reverse half with liquid={liquid}: off by more than 1e-5: {off > 1e-5}")
        assert (off > 1e-5) == liquid
EOF
