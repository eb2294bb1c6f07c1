#!/usr/bin/env bash
# Flax: linen.GRUCell and nnx.GRUCell of the same release are two equations
#
# Versions: flax 0.12.8, jax 0.10.2.
# Bet: flax.nnx is the new interface to the same layers: a GRUCell's weights move from linen to
#   nnx.
# Instead: linen's candidate has a bias inside the reset product, n = tanh(Wx + b + r * (Uh + d));
#   nnx's has none: its recurrent layer carries no bias at all and there is no parameter to hold
#   d. The recurrent matrix is one (H, 3H) array in nnx, three in linen. With d = 0 they agree;
#   with a trained d nothing in nnx can.
# Output seen:
#   linen: hn/bias hn/kernel hr/kernel hz/kernel in/bias in/kernel ir/bias ir/kernel iz/bias iz/kernel
#   nnx: dense_h/kernel dense_i/bias dense_i/kernel
#   recurrent bias of the candidate 0.0: 0.0000 apart
#   recurrent bias of the candidate 0.5: 0.1375 apart
# Why it matters: a converter of Flax weights has to know which interface wrote them, and must
#   refuse a d that is not zero rather than drop it.
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

D, H = 3, 4
x = jax.random.normal(jax.random.key(0), (2, D))
h = jax.random.normal(jax.random.key(1), (2, H))
old = nn.GRUCell(H)
params = old.init(jax.random.key(2), h, x)["params"]
new = nnx.GRUCell(D, H, rngs=nnx.Rngs(0))
names = {"linen": sorted("/".join(k.key for k in path) for path, _ in jax.tree_util.tree_flatten_with_path(params)[0]),
         "nnx": sorted("/".join(map(str, path)) for path, _ in nnx.to_flat_state(nnx.state(new, nnx.Param)))}
for which, found in names.items():
    print(f"{which}: {' '.join(found)}")
assert "hn/bias" in names["linen"] and "dense_h/bias" not in names["nnx"] and len(names["nnx"]) == 3

new.dense_i.kernel[...] = jnp.concatenate([params[g]["kernel"] for g in ("ir", "iz", "in")], 1)
new.dense_h.kernel[...] = jnp.concatenate([params[g]["kernel"] for g in ("hr", "hz", "hn")], 1)
new.dense_i.bias[...] = jnp.concatenate([params[g]["bias"] for g in ("ir", "iz", "in")])
for d in (0.0, 0.5):
    params["hn"]["bias"] = jnp.full(H, d)
    off = float(jnp.abs(old.apply({"params": params}, h, x)[1] - new(h, x)[1]).max())
    print(f"recurrent bias of the candidate {d}: {off:.4f} apart")
    assert (off < 1e-6) == (d == 0)
EOF
