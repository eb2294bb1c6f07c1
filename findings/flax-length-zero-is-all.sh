#!/usr/bin/env bash
# Flax: a row of length 0 returns the state after all steps
#
# Versions: flax 0.12.8, jax 0.10.2.
# Bet: RNN(cell)(x, seq_lengths=..., return_carry=True) returns each row's state after its length:
#   the initial state for length 0.
# Instead: the index of the last step is length - 1 = -1, the last one of the padded batch: a row
#   that has no data gets a state computed from all of its padding, NaN if the padding holds NaN.
#   A length over T is taken as T. linen and nnx alike; ONNX Runtime gives zeros in the same
#   place, neither gives the initial state.
# Output seen:
#   nnx: length 0 gives the initial state (zeros): False, the state after all 5 steps: True; length 9 of 5 that of all: True; NaN in the padding of length 0: [nan nan nan nan]
#   linen: length 0 gives the initial state (zeros): False, the state after all 5 steps: True; length 9 of 5 that of all: True; NaN in the padding of length 0: [nan nan nan nan]
# Why it matters: batches with empty rows (nothing new for this stream, a masked-out sample) are
#   read as full ones.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 jax==0.10.2 flax==0.12.8
"$dir/venv/bin/python" - <<'EOF'
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

x = jax.random.normal(jax.random.key(0), (3, 5, 2))
lengths = jnp.array([0, 5, 9])
new = nnx.RNN(nnx.GRUCell(2, 4, rngs=nnx.Rngs(0)))
old = nn.RNN(nn.GRUCell(4))
variables = old.init(jax.random.key(1), x)
for name, run in (("nnx", lambda v, **k: new(v, return_carry=True, **k)),
                  ("linen", lambda v, **k: old.apply(variables, v, return_carry=True, **k))):
    state = run(x, seq_lengths=lengths)[0]
    whole = run(x)[0]
    padded = x.at[0].set(jnp.nan)
    print(f"{name}: length 0 gives the initial state (zeros): {not state[0].any()},",
          f"the state after all 5 steps: {jnp.allclose(state[0], whole[0])};",
          f"length 9 of 5 that of all: {jnp.allclose(state[2], whole[2])};",
          f"NaN in the padding of length 0: {run(padded, seq_lengths=lengths)[0][0]}")
    assert jnp.allclose(state, whole) and state[0].any()
    assert jnp.isnan(run(padded, seq_lengths=lengths)[0][0]).all()
EOF
