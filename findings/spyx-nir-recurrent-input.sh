#!/usr/bin/env bash
# spyx to NIR: a recurrent layer's input is wired into the recurrent weights, and shrunk
#
# Versions: spyx 1.0.0, nir 1.0.8, jax 0.10.2, flax 0.12.8.
# Bet: to_nir(RLIF) gives a graph with the layer's equation: the input goes to the neuron, the
#   neuron's spikes through w_rec back to it, and r and tau are such that an input of 1 adds 1 to
#   the potential, as in the layer.
# Instead: the edges are input -> w_rec -> neuron: read literally, the input is multiplied by the
#   recurrent weights. And r is written as beta, so that dt / tau * r = beta * (1 - beta): an
#   input of 1 adds 0.09 for beta = 0.9 (LIF and CuBaLIF too). spyx's own reader looks at neither,
#   so its round trip shows nothing.
# Output seen:
#   edges [('input', 'w_rec'), ('w_rec', 'lif'), ('lif', 'w_rec'), ('lif', 'output')]
#   an input of 1 adds [0.09, 0.09] to the potential; in the layer: 1
#   spikes in 50 steps: spyx 21, spyx after its own round trip 21, the graph as written 0, with the input at the neuron 0
# Why it matters: other readers (norse, snnTorch, a simulator) follow edges and r. A round trip
#   through one's own code does not test a format.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 jax==0.10.2 flax==0.12.8 nir==1.0.8 spyx==1.0.0
"$dir/venv/bin/python" - <<'EOF'
import jax.numpy as jnp
import numpy as np
import spyx.nn as snn
from flax import nnx
from spyx.nir import from_nir, to_nir

layer = snn.RLIF((2,), beta=0.9, rngs=nnx.Rngs(0))
layer.recurrent_w[...] = jnp.array([[0.3, -0.2], [0.5, 0.4]])
model = snn.Sequential(layer)
size = np.array([2])
graph = to_nir(model, {"input": size}, {"output": size}).nodes["layer_0"]
print("edges", [tuple(end.removeprefix("layer_0.") for end in edge) for edge in graph.edges])
assert ("layer_0.input", "layer_0.w_rec") in graph.edges and ("layer_0.input", "layer_0.lif") not in graph.edges
lif, weight = graph.nodes["layer_0.lif"], graph.nodes["layer_0.w_rec"].weight
print("an input of 1 adds", [round(float(v), 4) for v in lif.r / lif.tau], "to the potential; in the layer: 1")
assert np.allclose(lif.r / lif.tau, 0.09, rtol=1e-3)

x = np.full((50, 1, 2), [0.3, 0.2], "f4")
own = int(snn.run(model, jnp.asarray(x))[0].sum())
back = int(from_nir(to_nir(model, {"input": size}, {"output": size}), jnp.asarray(x))[1].sum())


def follow(through_weights):
    """Spikes of the graph's neuron, its input wired as written or straight to it."""
    v, z, count = np.zeros(2), np.zeros(2), 0
    for (value,) in x:
        current = weight @ (value + z) if through_weights else value + weight @ z
        v = v + (-v + lif.r * current) / lif.tau
        z = (v > lif.v_threshold).astype(float)
        v, count = np.where(z > 0, lif.v_reset, v), count + int(z.sum())
    return count


print(f"spikes in 50 steps: spyx {own}, spyx after its own round trip {back}, the graph as written {follow(True)},",
      f"with the input at the neuron {follow(False)}")
assert own == back > 20 and follow(True) == follow(False) == 0
EOF
