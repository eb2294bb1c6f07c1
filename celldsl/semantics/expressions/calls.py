"""Calls.  In: `f(a, b, option=c)`.  Out: what a function, initialiser or inner cell gives."""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Label
from celldsl.semantics.bodies.defs import call_def
from celldsl.semantics.declarations.initial import INITIALISERS
from celldsl.semantics.functions.binding import bind
from celldsl.semantics.functions.prelude import definition_of
from celldsl.semantics.functions.table import FUNCTIONS
from celldsl.semantics.inner.steps import step_inner
from celldsl.semantics.names import names
from celldsl.semantics.tensors import convert
from celldsl.semantics.walk.settings import fix
from celldsl.semantics.walk.values import (
    FunctionValue,
    Initialiser,
    Tensor,
    Unknown,
    Value,
    describe,
)
from celldsl.semantics.walk.walk import Frame
from celldsl.syntax import ast


def call(f: Frame, e: ast.Call) -> Value:
    binding = f.find(e.function)
    if binding is None:
        return _call_named(f, e)
    f.walk.notes.used.add(binding.span)
    match binding.value:
        case FunctionValue() as function:
            return apply(f, function, e)
        case Tensor(hyper=str(name)):
            fix(f.walk.choices, name, "function")
        case _ if binding.kind == "sub" and e.function in f.inner:
            return step_inner(f, f.inner[e.function], e)
        case Unknown():
            return Unknown()
    hides = e.function in FUNCTIONS
    f.error(
        "E0121",
        f"`{e.function}` is {describe(binding.value)} and cannot be called",
        e.name_span,
        secondary=(Label(binding.span, "it is defined here"),),
        help=f"it hides the function: give it another name, such as `{e.function}_`"
        if hides
        else f"to multiply, write `{e.function} * (…)`",
    )
    return Unknown()


def _call_named(f: Frame, e: ast.Call) -> Value:
    function = names.find_function(f, e.function)
    if function is not None:
        return apply(f, function, e)
    if e.function in INITIALISERS:
        return _initialiser(f, e)
    if e.function in f.home.cells:
        f.error(
            "E0121",
            f"`{e.function}` is a cell and cannot be called",
            e.name_span,
            help=f"declare an inner cell: `sub g = {e.function}[…]`, then `g(…)`",
        )
    else:
        names.unknown_function(f, e.function, e.name_span)
        _look_into(f, e)
    return Unknown()


def _initialiser(f: Frame, e: ast.Call) -> Value:
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


def _look_into(f: Frame, e: ast.Call) -> None:
    """Tell what is wrong in the arguments of a call that cannot be made."""
    for arg in e.args:
        if isinstance(arg, ast.Call | ast.Binary | ast.Unary):
            f.elaborate(arg)


def apply(f: Frame, function: FunctionValue, e: ast.Call) -> Value:
    """Call a function by the name of a builtin or its definition."""
    if function.definition is None and function.name in FUNCTIONS:
        entry = FUNCTIONS[function.name]
        bound = bind(f, e, entry.signature, function.name, entry.too_many)
        if bound is None:
            _look_into(f, e)
            return Unknown()
        return entry.build(f, e, bound)
    if function.definition is None:
        function = definition_of(function.name)
    return call_def(f, function, e)
