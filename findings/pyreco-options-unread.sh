#!/usr/bin/env bash
# pyreco: the ridge penalty, the initial state and the number of initialisations that are asked for are not used
#
# Versions: pyreco 2.0.1, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1, networkx 3.6.1, matplotlib 3.11.2.
# Bet: RidgeSK(alpha=a) fits with penalty a, init_res_sampling="zeros" starts the reservoir at zero, and
#   fit(n_init=4) draws four initial states ("number of times that initial reservoir states are
#   sampled") and keeps the best one.
# Instead: the constructor of RidgeSK stores 1.0, only set_alpha changes it. compile always draws a
#   normal initial state. fit trains four times from that one state and picks the first of four
#   equal scores.
# Output seen:
#   RidgeSK(alpha=1e-06).get_alpha() 1.0, same weights as with alpha=1000: True
#   init_res_sampling='zeros': largest initial state 1.0
#   n_init=4: 1 different initial state, 1 different score
# Why it matters: a search over the penalty or over initial states compares one model with itself, at
#   four times the cost, and no output says so.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 \
    networkx==3.6.1 matplotlib==3.11.2 pyreco==2.0.1
"$dir/venv/bin/python" - <<'EOF'
import contextlib
import io

import numpy as np
from pyreco.custom_models import RC
from pyreco.layers import InputLayer, RandomReservoirLayer, ReadoutLayer
from pyreco.optimizers import RidgeSK

rng = np.random.default_rng(0)
x = rng.standard_normal((4, 50, 1))
y = 0.5 * x
y[:, 1:] += 0.3 * x[:, :-1]


def fitted(n_init):
    np.random.seed(0)
    model = RC()
    model.add(InputLayer(input_shape=(50, 1)))
    model.add(RandomReservoirLayer(nodes=20, density=0.3, seed=1, init_res_sampling="zeros"))
    model.add(ReadoutLayer((50, 1)))
    model.compile(optimizer="ridge")
    with contextlib.redirect_stdout(io.StringIO()):
        history = model.fit(x, y, n_init=n_init)
    return model, history


states, targets = rng.standard_normal((50, 20)), rng.standard_normal((50, 1))
small, large = (RidgeSK(alpha=a).solve(states, targets) for a in (1e-6, 1000.0))
same = bool(np.array_equal(small, large))
alpha = RidgeSK(alpha=1e-6).get_alpha()
print(f"RidgeSK(alpha=1e-06).get_alpha() {alpha}, same weights as with alpha=1000: {same}")
model, history = fitted(n_init=4)
start = float(np.abs(model.reservoir_layer.initial_res_states).max())
print("init_res_sampling='zeros': largest initial state", start)
states = len(np.unique(history["init_res_states"], axis=0))
scores = len(np.unique(history["train_scores"]))
print(f"n_init=4: {states} different initial state, {scores} different score")
assert alpha == 1.0 and same and start == 1.0 and states == scores == 1
EOF
