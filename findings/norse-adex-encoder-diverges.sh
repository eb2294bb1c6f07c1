#!/usr/bin/env bash
# norse: the AdEx current encoder's adaptation has no time step, and runs away
#
# Versions: norse 1.1.0, torch 2.13.0.
# Bet: lif_adex_current_encoder takes "a single euler-integration step" of dt of the equations it
#   states, among them da/dt = 1/tau_ada (a_current (v - v_leak) - a).
# Instead: the adaptation is replaced by the right-hand side of that equation, not moved by dt times
#   it: with the defaults a becomes 2 * (4 v - a). It changes its sign at each step, doubles, and
#   is NaN in the end, for both values of dt below. The voltage is integrated with dt, and
#   lif_adex_feed_forward_step does both right.
# Output seen:
#   dt 0.001: encoder [0.454, -0.402, 2.043, -4.132, 11.982] ... nan, feed-forward step ends at 0.468
#   dt 0.0001: encoder [0.045, -0.004, 0.14, -0.115, 0.448] ... nan, feed-forward step ends at 0.468
# Why it matters: half of the state is a step of the equation and half is not; a long input turns
#   NaN with the default parameters, and a change of dt does not help.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 norse==1.1.0
"$dir/venv/bin/python" - <<'EOF'
import math

import torch
from norse.torch import LIFAdExFeedForwardState, LIFAdExParameters, lif_adex_current_encoder, lif_adex_feed_forward_step

current, p = torch.tensor([0.5]), LIFAdExParameters()


def encoder(dt):
    v = a = torch.zeros(1)
    path = []
    for _ in range(round(0.5 / dt)):
        _, v, a = lif_adex_current_encoder(current, v, a, p, dt)
        path.append(a.item())
    return path


def step(dt):
    """The same equations by the feed-forward step, its synapse held at the same current."""
    state = LIFAdExFeedForwardState(*(torch.zeros(1),) * 3)
    for _ in range(round(0.5 / dt)):
        state = LIFAdExFeedForwardState(state.v, torch.zeros(1), state.a)
        _, state = lif_adex_feed_forward_step(current, state, p, dt)
    return state.a.item()


for dt in (1e-3, 1e-4):
    path, right = encoder(dt), step(dt)
    print(f"dt {dt}: encoder {[round(a, 3) for a in path[:5]]} ... {path[-1]}, feed-forward step ends at {right:.3f}")
    assert math.isnan(path[-1]) and 0 < right < 2
EOF
