"""How JAX spells operations.  In: nothing.  Out: its `Dialect`."""

from __future__ import annotations

from celldsl.targets.framework.dialect import Dialect
from celldsl.targets.jax.helpers import HELPERS

CALLS = {
    "pow": "power({0}, {1})",
    # JAX divides by the square of the divisor.
    "ratio": "ratio({0}, {1})",
    "hypot": "modulus({0}, {1})",
    "copysign": "jnp.copysign({0}, {1})",
    "mod": "jnp.remainder({0}, {1})",
    "max": "jnp.maximum({0}, {1})",
    "min": "jnp.minimum({0}, {1})",
    **{op: f"jnp.{op}({{0}})" for op in (
        "exp", "log", "log1p", "expm1", "sqrt", "sin", "cos", "tan", "tanh", "sign", "floor",
        "round",
    )},
    "atan": "jnp.arctan({0})",
    "erf": "lax.erf({0})",
    "sigmoid": "jax.nn.sigmoid({0})",
    "softplus": "jax.nn.softplus({0})",
    "relu": "jax.nn.relu({0})",
    # JAX's own has the gradient 1 at 0.
    "abs": "absolute({0})",
    "clip": "clip({0}, {1}, {2})",
    "step": "above_zero({0})",
    "where": "jnp.where({0}, {1}, {2})",
    "stop_gradient": "lax.stop_gradient({0})",
    "surrogate": "surrogate({0}, {1})",
    "clip_gradient": "clip_gradient({0}, {1}, {2})",
    "scale_gradient": "scale_gradient({0}, {1})",
    "bfloat16": "bfloat16({0})",
    "concat": "jnp.concatenate([{args}], {axis})",
    "concat_rows": "concat_rows([{args}], {axis}, {rank})",
    "transpose": "transpose({0}, {perm})",
    "transpose_last": "{0}.mT",
    "roll": "jnp.roll({0}, {k}, {axis})",
    "pad": "pad({0}, {axis}, {before}, {after})",
    "window": "window({0}, {kernel})",
    "fold": "fold({0}, {kernel})",
    "conv": "conv({0}, {1})",
    "sum": "{0}.sum({axis})",
    "amax": "{0}.max({axis})",
    "amin": "{0}.min({axis})",
    "cumsum": "{0}.cumsum({axis})",
    "cumsum_reverse": "jnp.flip(jnp.flip({0}, {axis}).cumsum({axis}), {axis})",
    "cumprod": "{0}.cumprod({axis})",
    "pick": "pick({0}, {1}, {rank})",
    "pick_once": '{0}.at[{1}].get(mode="fill", fill_value=jnp.nan)',
    "place": "place({0}, {1}, {rank}, {n})",
    "einsum": "jnp.einsum({spec}, {0}, {1})",
    "eye": "jnp.eye({n}, dtype={like})",
    "arange": "jnp.arange({n}, dtype={like})",
}  # fmt: skip
WITH_FANS = ("glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_normal")
RANDOM = ("uniform", "log_uniform", "normal", "truncated_normal", "orthogonal", "chrono")
DRAWS = {
    **{name: f"{name}(stream(key, {{stream}}), {{shape}}, {{fan_in}}, {{fan_out}}, {{like}})"
       for name in WITH_FANS},
    **{name: f"{name}(stream(key, {{stream}}), {{shape}}, {{like}}{{args}})" for name in RANDOM},
    **{name: f"{name}({{shape}}, {{like}}{{args}})" for name in (
        "identity", "legendre_a", "legendre_b",
    )},
}  # fmt: skip

JAX = Dialect(
    title="JAX",
    calls=CALLS,
    wants=frozenset(CALLS) - {"where", "clip"},
    draws=DRAWS,
    helpers=HELPERS,
    like="dtype",
    scalar="jnp.asarray({0}, {like})",
    full="jnp.full({shape}, {0}, {like})",
    stretch="jnp.broadcast_to({0}, {shape})",
    setting="jnp.asarray({0}, {like})",
    mask="{kind}_mask({rate}, {times}, {shape}, {like}, key, {site})",
    chance="key",
    chance_keyword="key=None",
    alike="dtype = jnp.result_type({inputs}, *params.values())",
    alike_params="dtype = jnp.result_type(*(params.values() or [jnp.float32]))",
    first_values=("key",),
    last_values=("dtype=jnp.float32",),
    open_values=(),
    reserved=("jax", "jnp", "lax", "Array"),
)
