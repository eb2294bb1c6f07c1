"""`code` templates in plain Python.  In: an elementwise op and numbers.  Out: its value.

    scalar_value("max", [1.0, 2.0])     2.0

What Python's `math` refuses raises a ValueError (a logarithm of 0) or an ArithmeticError.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from types import CodeType

from celldsl.ops.table import OPS


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


FUNCTIONS: dict[str, Callable[..., float]] = {
    "exp": math.exp, "log": math.log, "log1p": math.log1p, "expm1": math.expm1, "tanh": math.tanh,
    "sigmoid": _sigmoid, "softplus": _softplus, "erf": math.erf, "sin": math.sin, "cos": math.cos,
    "tan": math.tan, "atan": math.atan, "sqrt": math.sqrt, "floor": math.floor, "round_even": round,
    "power": math.pow,
}  # fmt: skip


def scalar_value(op: str, args: Sequence[float | bool]) -> float | bool:
    """The value of one element."""
    names = {f"a{i}": arg for i, arg in enumerate(args)}
    value = eval(_compiled(OPS[op].code, len(args)), {**FUNCTIONS, **names})
    return value if isinstance(value, bool) else float(value)


@cache
def _compiled(code: str, arity: int) -> CodeType:
    return compile(code.format(*(f"a{i}" for i in range(arity))), "<code template>", "eval")
