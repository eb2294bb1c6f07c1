#!/usr/bin/env bash
# JAX: under jit a / b / b is a / (b * b), which is NaN or infinite where eager JAX is right
#
# Versions: jax 0.10.2, numpy 2.4.6.
# Bet: jit keeps the order of two divisions, so that a compiled function has the range of the eager
#   one, and the derivative of a quotient can be written as -(a / b) / b to keep small b apart from 0.
# Instead: XLA's simplifier makes one division by b * b of them. In float32 that is 0 for b = 1e-25 and
#   infinite for 1e25. JAX's own derivative of a / b is a * b ** -2, with the same loss without jit.
#   A lax.optimization_barrier between the divisions keeps them.
# Output seen:
#   a = 1e-25, b = 1e-25: eager 1e+25, jit inf, with a barrier 1e+25
#   a = 0, b = 1e-25: eager 0, jit nan, with a barrier 0
#   a = 1e+25, b = 1e+25: eager 1e-25, jit 0, with a barrier 1e-25
#   gradient of 1e-25 / b by b at 1e-25: JAX -inf, right is -1e+25
# Why it matters: whoever scales a formula for its range (complex division after Smith, hypot,
#   normalised states) tests it eagerly, and loses the range again in the compiled training step.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 jax==0.10.2
"$dir/venv/bin/python" - <<'EOF'
import jax
import jax.numpy as jnp
import numpy as np


def twice(a, b):
    return a / b / b


def apart(a, b):
    return jax.lax.optimization_barrier(a / b) / b


for a, b, right in ((1e-25, 1e-25, 1e25), (0.0, 1e-25, 0.0), (1e25, 1e25, 1e-25)):
    at = jnp.float32(a), jnp.float32(b)
    eager, compiled, kept = twice(*at), jax.jit(twice)(*at), jax.jit(apart)(*at)
    print(f"a = {a:g}, b = {b:g}: eager {eager:g}, jit {compiled:g}, with a barrier {kept:g}")
    assert np.allclose([eager, kept], right, rtol=1e-5, atol=0)
    assert not np.allclose(compiled, right, rtol=1e-5, atol=0)
tiny = jnp.float32(1e-25)
slope = jax.grad(lambda b: tiny / b)(tiny)
print(f"gradient of 1e-25 / b by b at 1e-25: JAX {slope:g}, right is -1e+25")
assert np.isinf(slope)
EOF
