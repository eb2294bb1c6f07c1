#!/usr/bin/env bash
# CTRNN: the first step after a state was set has no biases, and states are read back from outputs
#
# Versions: CTRNN 2.0, numpy 2.4.6, scipy 1.17.1.
# Bet: states is the state of the equation tau y' = -y + W sigmoid(gain (y + bias)) + I, outputs follows
#   from it, and a step is y += h / tau (...).
# Instead: setting states sets outputs to sigmoid(states), without gains and biases, and the next step uses
#   them; every later step has both. After each step outputs is set, and its setter computes the states
#   anew, by the inverse of the sigmoid: they are rounded by the sigmoid's distance from 1. A neuron that is
#   driven to 30 stands at 29.9986; from 37 on the sigmoid is 1, the state infinite and the next one
#   NaN. The array that was set is written into as well.
# Output seen:
#   state 0, bias -3: output 0.5, sigmoid(-3) is 0.0474; state after a step of 0.1: 0.05, Euler's 0.0047
#   driven to 20: state 20.0000
#   driven to 30: state 29.9986
#   driven to 40: state nan
#   the array of zeros that was set as state: [0.05]
# Why it matters: fitness of evolved networks is measured in many short trials that each begin by setting the
#   states. A port of the published equation disagrees with every one of them, from the first step on.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 scipy==1.17.1 CTRNN==2.0
"$dir/venv/bin/python" -W ignore::RuntimeWarning - <<'EOF'
import numpy as np
from CTRNN import CTRNN


def neuron(weight, bias, step):
    net = CTRNN(size=1, step_size=step)
    net.weights = np.array([[weight]])
    net.biases = np.array([bias])
    return net


net = neuron(1.0, -3.0, 0.1)
start = np.zeros(1)
net.states = start
output = float(net.outputs[0])
net.euler_step(np.zeros(1))
after, right = float(net.states[0]), 1 / (1 + np.exp(3.0))
print(
    f"state 0, bias -3: output {output}, sigmoid(-3) is {right:.4f}; "
    f"state after a step of 0.1: {after:.2f}, Euler's {0.1 * right:.4f}"
)
assert output == 0.5 and abs(after - 0.05) < 1e-12

ends = {}
for drive in (20.0, 30.0, 40.0):
    net = neuron(0.0, 0.0, 0.5)
    net.states = np.zeros(1)
    for _ in range(80):
        net.euler_step(np.array([drive]))
    ends[drive] = float(net.states[0])
    print(f"driven to {drive:.0f}: state {ends[drive]:.4f}")
assert 1e-9 < abs(ends[20.0] - 20) < 1e-6 < 1e-4 < abs(ends[30.0] - 30) < 0.1 and np.isnan(ends[40.0])
print("the array of zeros that was set as state:", start.round(4))
assert start[0] != 0
EOF
