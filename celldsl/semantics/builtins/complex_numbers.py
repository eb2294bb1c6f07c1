"""Complex numbers.  In: `1i`, `real(z)`, `z ** 3`.  Out: their parts, and what has none of them.

`pairs.py` has the arithmetic.  What a real number is among complex ones is as in mathematics:
`real(x)` and `conj(x)` are x, and `imag(x)` is 0.
"""

from __future__ import annotations

from celldsl.semantics import wording
from celldsl.semantics.broadcast import stretched
from celldsl.semantics.builtins.function import Bound, Function, tensor
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import Static, Tensor, Unknown, Value
from celldsl.semantics.pairs import NotComplex, Pair, conjugate
from celldsl.structs import replace
from celldsl.syntax import ast

MAX_POWER = 64


def imaginary(f: Environment, value: float) -> Tensor:
    number = f.context.op("number", value=value)
    return Tensor(f.context.complex(Pair(None, number), "imaginary", number), ())


def _real(f: Environment, e: ast.Call, a: Bound) -> Value:
    v = tensor(f, a, "v")
    return Unknown() if v is None else _part(f, v, "real")


def _imag(f: Environment, e: ast.Call, a: Bound) -> Value:
    v = tensor(f, a, "v")
    return Unknown() if v is None else _part(f, v, "imag")


def _part(f: Environment, v: Tensor, side: str) -> Tensor:
    pair = f.context.pair(v.name)
    part = pair.real if side == "real" else pair.imag
    if part is None:
        zero = Tensor(f.context.op("number", value=0.0), ())
        return replace(v, name=stretched(f, zero, v.shape), hyper=None)
    return replace(v, name=part) if part != v.name else v


def _conj(f: Environment, e: ast.Call, a: Bound) -> Value:
    v = tensor(f, a, "v")
    if v is None or not f.context.is_complex(v.name):
        return v or Unknown()
    found = conjugate(f.context, f.context.pair(v.name))
    return replace(v, name=f.context.complex(found, "conj", v.name))


def raised(f: Environment, e: ast.Binary, base: Tensor, exponent: Value) -> Value | None:
    """`z ** 3`, `z ** -1`: a product, where the number of factors is known early; else None."""
    count = exponent.size.constant if isinstance(exponent, Static) else None
    if count is None or abs(count) > MAX_POWER or not f.context.is_complex(base.name):
        return None
    one = stretched(f, Tensor(f.context.op("number", value=1.0), ()), base.shape)
    if count == 0:
        return replace(base, name=f.context.complex(Pair(one), "pair", one))
    # The inverse first: a square that is infinite has a part that is no number.
    factor = f.context.op("div", one, base.name) if count < 0 else base.name
    return replace(base, name=_power(f, factor, abs(count)))


def _power(f: Environment, name: str, exponent: int) -> str:
    """By squares: z⁵ is (z²)² z."""
    if exponent == 1:
        return name
    half = f.context.op("square", _power(f, name, exponent // 2))
    return f.context.op("mul", half, name) if exponent % 2 else half


# ---------------------------------------------------------------- what is real alone

_ORDER = "complex numbers have no order: take `real({0})`, `imag({0})` or `abs({0})`"
_PARTS = "write `{1}(real({0})) + 1i * {1}(imag({0}))`, or take its modulus: `{1}(abs({0}))`"
_ADVICE = {
    **dict.fromkeys(("max", "min", "clip", "softmax", "logsumexp", "mod", "%", "step"), _ORDER),
    "rsqrt": "write `1 / sqrt({0})`",
    "log1p": "write `log(1 + {0})`",
    "expm1": "write `exp({0}) - 1`",
    "sign": "its direction is `{0} / abs({0})`",
    "layer_norm": "write it out: `v = {0} - mean({0})`, and `v / sqrt(mean(abs(v) ** 2) + 1e-5)`",
    "rms_norm": "write it out: `{0} / sqrt(mean(abs({0}) ** 2) + 1e-5)`",
    "cumprod": "write the products out in a loop",
    "clip_gradient": "take its parts: `clip_gradient(real({0}), -1, 1)`, and those of `imag({0})`",
}


def refuse(f: Environment, e: ast.Expr, refused: NotComplex) -> None:
    """An operation of real numbers alone has met a complex one."""
    name, operand = refused.op, e
    match e:
        case ast.Call(function, args):
            name, operand = function, next((a for a in args if not _is_real(a)), e)
        case ast.Over(function, body=body):
            name, operand = function, body
        case ast.Binary(op, left, _):
            name, operand = op, left
    advice = _ADVICE.get(name, _PARTS if isinstance(e, ast.Call) else "")
    f.error(
        "E0219",
        f"`{name}` is of real numbers, and `{wording.short(e.span)}` has a complex one",
        e.span,
        help=advice.format(wording.short(operand.span), name) or None,
    )


def _is_real(e: ast.Expr) -> bool:
    """Whether it is seen to be real."""
    return isinstance(e, ast.Number) or (
        isinstance(e, ast.Call) and e.function in ("real", "imag", "abs", "norm")
    )


ENTRIES = (
    Function("real", "v", "the real part", _real),
    Function("imag", "v", "the imaginary part", _imag),
    Function("conj", "v", "the complex conjugate: real(v) - 1i * imag(v)", _conj),
)
