"""What changes gradients alone.  In: `stop_gradient(v)`, `surrogate(value, path)`.  Out: nodes."""

from __future__ import annotations

from celldsl.semantics.broadcast import elementwise
from celldsl.semantics.builtins.arguments import Bound, given, tensor
from celldsl.semantics.builtins.function import Function
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import Unknown, Value
from celldsl.syntax import ast


def _stop_gradient(f: Environment, e: ast.Call, a: Bound) -> Value:
    v = tensor(f, a, "v")
    if v is None:
        return Unknown()
    return elementwise(f, "stop_gradient", e.span, (given(a, "v"), v))


def _surrogate(f: Environment, e: ast.Call, a: Bound) -> Value:
    value, path = tensor(f, a, "value"), tensor(f, a, "path")
    if value is None or path is None:
        return Unknown()
    return elementwise(f, "surrogate", e.span, (given(a, "value"), value), (given(a, "path"), path))


ENTRIES = (
    Function("stop_gradient", "v", "v, which lets no gradient through", _stop_gradient),
    Function("surrogate", "value, path", "the value of the first, the gradient of the second",
             _surrogate),
)  # fmt: skip
