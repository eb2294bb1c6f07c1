"""Initialisers.  In: `uniform(-1, 1)`, `orthogonal`.  Out: Initialiser values.

What an initialiser gives depends on the parameter that it is for: `celldsl.semantics.initial`
turns it into nodes once the shape is known.
"""

from __future__ import annotations

from celldsl.semantics import convert
from celldsl.semantics.binding import bind
from celldsl.semantics.values import Initialiser, Unknown, Value
from celldsl.semantics.walk import Frame
from celldsl.syntax import ast

# The arguments with their defaults; None must be given.
INITIALISERS: dict[str, tuple[tuple[str, float | None], ...]] = {
    "zeros": (),
    "ones": (),
    "constant": (("v", None),),
    "uniform": (("a", None), ("b", None)),
    "log_uniform": (("a", None), ("b", None)),
    "normal": (("std", 1.0),),
    "truncated_normal": (("std", 1.0),),
    "glorot_uniform": (),
    "glorot_normal": (),
    "he_uniform": (),
    "he_normal": (),
    "lecun_normal": (),
    "orthogonal": (("gain", 1.0),),
    "identity": (("scale", 1.0),),
    "chrono": (("T", None),),
}
RANDOM = frozenset(INITIALISERS) - {"zeros", "ones", "constant", "identity"}


def initialiser(f: Frame, e: ast.Call) -> Value:
    """`uniform(-1, 1)`: the arguments are numbers or hyperparameters."""
    arguments = INITIALISERS[e.function]
    signature = ", ".join(n if d is None else f"{n}={d:g}" for n, d in arguments)
    bound = bind(f, e, signature, e.function)
    if bound is None:
        return Unknown()
    values: list[str] = []
    for name, default in arguments:
        found = _scalar(f, bound[name], default, name)
        if found is None:
            return Unknown()
        values.append(found)
    return Initialiser(e.function, tuple(values))


def _scalar(f: Frame, written: ast.Expr | None, default: float | None, name: str) -> str | None:
    if written is None:
        assert default is not None
        return f.walk.op("number", value=default)
    found = convert.real(f, written, f"`{name}`")
    return None if found is None else found.name
