#!/usr/bin/env bash
# reservoirpy: a proximity per neuron in ES2N scales the neuron it comes from, not its own
#
# Versions: reservoirpy 0.4.2, numpy 2.4.6.
# Bet: proximity may be a float or an array of one value per neuron, s' = (1 - p) * (O s) + p *
#   f(W s + Win x + b), as the leak of Reservoir may.
# Instead: the code's `(1 - p) * O @ s` is ((1 - p) * O) @ s: an array scales the columns of O, so
#   that neuron i gets O s with each *source* j scaled by 1 - p[j]. A neuron with p = 1 keeps
#   parts of its old state. A float is right, and so is Reservoir with an array as its leak.
# Output seen:
#   p = 0.3: ES2N is its equation True, with columns scaled True; Reservoir is its equation True
#   p = [0.1 0.5 1. ]: ES2N is its equation False, with columns scaled True; Reservoir is its equation True
# Why it matters: `*` and `@` bind alike in Python, from left to right: for scalars any grouping
#   is right, for vectors only one. Test options that may be arrays with arrays that are not
#   constant.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 scipy==1.17.1 reservoirpy==0.4.2
"$dir/venv/bin/python" - <<'EOF'
import numpy as np
from reservoirpy.nodes import ES2N, Reservoir

rng = np.random.default_rng(0)
n = 3
W, Win, O = rng.standard_normal((n, n)), rng.standard_normal((n, 1)), np.linalg.qr(rng.standard_normal((n, n)))[0]
x = rng.standard_normal((4, 1))


def equation(p, rotate):
    s = np.zeros(n)
    for step in x:
        s = (1 - p) * (rotate @ s) + p * np.tanh(W @ s + Win @ step)
    return s


def as_coded(p):
    s = np.zeros(n)
    for step in x:
        s = O @ ((1 - p) * s) + p * np.tanh(W @ s + Win @ step)
    return s


for p in (0.3, np.array([0.1, 0.5, 1.0])):
    es2n = ES2N(W=W, Win=Win, O=O, proximity=p).run(x)[-1]
    leaky = Reservoir(W=W, Win=Win, lr=p).run(x)[-1]
    print(f"p = {p}: ES2N is its equation {np.allclose(es2n, equation(p, O))},",
          f"with columns scaled {np.allclose(es2n, as_coded(p))};",
          f"Reservoir is its equation {np.allclose(leaky, equation(p, np.eye(n)))}")
    assert np.allclose(es2n, as_coded(p)) and np.allclose(leaky, equation(p, np.eye(n)))
    assert np.allclose(es2n, equation(p, O)) == np.isscalar(p)
EOF
