"""Calls of initialisers.  In: `uniform(-1, 1)`.  Out: an Initialiser with its arguments."""

from __future__ import annotations

from celldsl.semantics.declarations.initial import INITIALISERS
from celldsl.semantics.functions.binding import bind
from celldsl.semantics.tensors import convert
from celldsl.semantics.walk.values import Initialiser, Unknown, Value
from celldsl.semantics.walk.walk import Frame
from celldsl.syntax import ast


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
