"""How PyTorch spells operations.  In: nothing.  Out: its `Dialect`."""

from __future__ import annotations

from celldsl.targets.framework.dialect import Dialect
from celldsl.targets.torch.helpers import HELPERS

LIKE = "dtype={like}.dtype, device={like}.device"
CALLS = {
    "pow": "power({0}, {1})",
    "hypot": "modulus({0}, {1})",
    "copysign": "torch.copysign({0}, {1})",
    "mod": "torch.remainder({0}, {1})",
    "max": "torch.maximum({0}, {1})",
    "min": "torch.minimum({0}, {1})",
    **{op: f"torch.{op}({{0}})" for op in (
        "exp", "log", "log1p", "expm1", "sqrt", "sin", "cos", "tan", "atan", "erf", "sigmoid",
        "tanh", "relu", "abs", "sign", "floor", "round",
    )},
    # Its default threshold would cut what is smaller than 2e-9 away.
    "softplus": "F.softplus({0}, threshold=40.0)",
    "clip": "clip({0}, {1}, {2})",
    "step": "above_zero({0})",
    "where": "torch.where({0}, {1}, {2})",
    "stop_gradient": "{0}.detach()",
    "surrogate": "surrogate({0}, {1})",
    "clip_gradient": "clip_gradient({0}, {1}, {2})",
    "scale_gradient": "scale_gradient({0}, {1})",
    "bfloat16": "bfloat16({0})",
    "concat": "torch.cat([{args}], {axis})",
    "concat_rows": "concat_rows([{args}], {axis}, {rank})",
    "transpose": "transpose({0}, {perm})",
    "transpose_last": "{0}.mT",
    "roll": "torch.roll({0}, {k}, {axis})",
    "pad": "pad({0}, {axis}, {before}, {after})",
    "window": "window({0}, {kernel})",
    "fold": "fold({0}, {kernel})",
    "conv": "conv({0}, {1})",
    "sum": "{0}.sum({axis})",
    "amax": "{0}.amax({axis})",
    "amin": "{0}.amin({axis})",
    "cumsum": "{0}.cumsum({axis})",
    "cumsum_reverse": "{0}.flip({axis}).cumsum({axis}).flip({axis})",
    "cumprod": "{0}.cumprod({axis})",
    "pick": "pick({0}, {1}, {rank})",
    "pick_once": "{0}[{1}]",
    "place": "place({0}, {1}, {rank}, {n})",
    "einsum": "torch.einsum({spec}, {0}, {1})",
    "eye": f"torch.eye({{n}}, {LIKE})",
    "arange": f"torch.arange({{n}}, {LIKE})",
}  # fmt: skip
WITH_FANS = ("glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_normal")
DRAWS = {
    **{name: f"{name}({{shape}}, {{fan_in}}, {{fan_out}}, {{like}})" for name in WITH_FANS},
    **{name: f"{name}({{shape}}, {{like}}{{args}})" for name in (
        "uniform", "log_uniform", "normal", "truncated_normal", "orthogonal", "identity", "chrono",
        "legendre_a", "legendre_b",
    )},
}  # fmt: skip

TORCH = Dialect(
    title="PyTorch",
    calls=CALLS,
    wants=frozenset({op for op, code in CALLS.items() if op not in ("where", "clip")}),
    draws=DRAWS,
    helpers=HELPERS,
    like="like",
    scalar="{like}.new_full((), {0})",
    full="{like}.new_full({shape}, {0})",
    stretch="{atom}.expand({shape})",
    setting=f"torch.as_tensor({{0}}, {LIKE})",
    mask="{kind}_mask({rate}, {times}, {shape}, {like}, training)",
    chance="training",
    chance_keyword="training=False",
    alike="like = {first}",
    alike_params="like = next(iter(params.values()), torch.empty(()))",
    first_values=(),
    last_values=("dtype=None", "device=None"),
    open_values=("like = torch.empty((), dtype=dtype, device=device)",),
    reserved=("torch", "nn", "F", "Tensor"),
)
