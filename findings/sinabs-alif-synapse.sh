#!/usr/bin/env bash
# sinabs: in ALIF the synaptic current is shrunk at each step, and lost between calls
#
# Versions: sinabs 3.1.3, torch 2.13.0.
# Bet: with tau_syn, ALIF has the synapse of LIF: i' = alpha_syn * (i + x), and v' = alpha_mem * v
#   + (1 - alpha_mem) * i' with norm_input=True (the default of both).
# Instead: LIF scales a copy of the current, ALIF the current that it keeps: it decays by
#   alpha_syn * (1 - alpha_mem) instead of alpha_syn, here 0.078 instead of 0.819. After a call
#   ALIF keeps every state but this one: i_syn is 0 again.
# Output seen:
#   LIF  potential [0.0779, 0.1343, 0.1737, 0.2, 0.2159, 0.2241], i_syn kept 0.3012
#   ALIF potential [0.0779, 0.0766, 0.0698, 0.0632, 0.0571, 0.0517], i_syn kept 0.0000
# Why it matters: tau_syn means two different things in the same library; a network whose synapse
#   "has a time constant of 5 steps" has practically none.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 sinabs==3.1.3
"$dir/venv/bin/python" - <<'EOF'
import math
import torch
import sinabs.layers as sl

quiet = torch.tensor(100.0)  # a threshold that is never reached
lif = sl.LIF(tau_mem=10.0, tau_syn=5.0, spike_threshold=quiet)
alif = sl.ALIF(tau_mem=10.0, tau_syn=5.0, tau_adapt=5.0, spike_threshold=quiet)
x = torch.zeros(1, 6, 1)
x[0, 0] = 1.0
potentials = {}
with torch.no_grad():
    for name, layer in (("LIF", lif), ("ALIF", alif)):
        potentials[name] = []
        for steps in range(1, 7):
            layer.reset_states()
            layer(x[:, :steps])
            potentials[name].append(layer.v_mem.item())
        print(f"{name:4} potential {[round(v, 4) for v in potentials[name]]}, i_syn kept {layer.i_syn.item():.4f}")
a_mem, a_syn = math.exp(-1 / 10), math.exp(-1 / 5)


def path(decay_of_current, factor):
    i, v, seen = 0.0, 0.0, []
    for value in x.flatten().tolist():
        i = decay_of_current * i + factor * value
        v = a_mem * v + i
        seen.append(v)
    return seen


close = lambda a, b: all(math.isclose(p, q, rel_tol=1e-4) for p, q in zip(a, b))
assert close(potentials["LIF"], path(a_syn, a_syn * (1 - a_mem)))
assert close(potentials["ALIF"], path(a_syn * (1 - a_mem), a_syn * (1 - a_mem)))
assert lif.i_syn.item() > 0.3 and alif.i_syn.item() == 0.0
EOF
