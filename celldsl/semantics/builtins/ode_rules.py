"""Rules that solve differential equations.  In: a System, and where it stands.  Out: a step later.

    y = METHODS["midpoint"](system, y)

Each evaluates the function of the system one or more times, by calls of it in the cell's program.
"""

from __future__ import annotations

from collections.abc import Callable

from celldsl.diagnostics.diagnostic import Label
from celldsl.diagnostics.span import Span
from celldsl.ir.size import Shape, shape_text
from celldsl.semantics import conversions as convert
from celldsl.semantics import wording
from celldsl.semantics.broadcast import stretched
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import (
    Binding,
    FunctionValue,
    Several,
    Sharing,
    Tensor,
    Unknown,
    Value,
)
from celldsl.semantics.modules import Module
from celldsl.structs import entity, replace
from celldsl.syntax import ast

Values = tuple[Tensor, ...]
# No name of a file is like it.
FUNCTION = "ode.f"


class Refused(Exception):
    """What is wrong has been reported."""


@entity
class System:
    """dy/dt = f(y, *args): `written` are the expressions of y; a step is `time / steps`.

    `span` is that of the function's name, and `shown` what was written for y.
    """

    f: Environment
    e: ast.Call
    function: FunctionValue
    span: Span
    written: tuple[ast.Expr, ...]
    args: tuple[ast.Expr, ...]
    shown: str
    time: Tensor | None = None
    steps: int = 1
    calls: int = 0

    def slope(self, y: Values) -> Values:
        """The function's values.  Its weights are made by the first call, and those of all."""
        f, pairs = self.f, tuple(zip(y, self.written, strict=True))
        own = {f"{FUNCTION}.{k}": Binding("argument", v, w.span) for k, (v, w) in enumerate(pairs)}
        names = tuple(ast.Name(name, span=binding.span) for name, binding in own.items())
        call = ast.Call(FUNCTION, (*names, *self.args), (), span=self.e.span, name_span=self.span)
        outer = f.sharing
        if self.calls:
            f.sharing = Sharing(f"the function `{self.function.name}`")
        self.calls += 1
        f.scopes.append({FUNCTION: Binding("argument", self.function, self.span), **own})
        home = self.function.home
        written = isinstance(home, Module) and (home is f.home or home.path is not None)
        try:
            with f.framed(*([f"{self.function.name}.{self.calls}"] if written else [])):
                found = f.elaborate(call)
        finally:
            f.scopes.pop()
            f.sharing = outer
        return self._slopes(found, y)

    def _slopes(self, found: Value, y: Values) -> Values:
        values = found.items if isinstance(found, Several) else (found,)
        if isinstance(found, Unknown):
            raise Refused
        if len(values) == len(y):
            return tuple(map(self._like, values, y, self.written))
        told = f"`{self.function.name}` gives {len(values)} of {len(y)} derivatives"
        help = f"it gives one for each of `{self.shown}`, in that order"
        self.f.error("E0209", told, self.span, help=help)
        raise Refused

    def _like(self, value: Value, y: Tensor, written: ast.Expr) -> Tensor:
        """A derivative, which has the shape of what it is of."""
        found = convert.number(self.f, value, self.span)
        if found is None:
            raise Refused
        if self.f.context.constraints.same_shape(found.shape, y.shape):
            return found
        _mismatch(self.f, self.function.name, found.shape, y.shape, self.span, written)
        raise Refused

    def ahead(self, y: Values, parts: int, slopes: Values) -> Values:
        """y after a time of a step over `parts`, along the slopes."""
        assert self.time is not None
        op, part, moved = self.f.context.op, self.time, []
        if parts * self.steps != 1:
            # Before it is stretched to the shape of a value: one division for all elements.
            part = replace(part, name=op("div", part.name, float(parts * self.steps)))
        for value, slope in zip(y, slopes, strict=True):
            step = op("mul", stretched(self.f, part, value.shape), slope.name)
            moved.append(replace(value, name=op("add", value.name, step)))
        return tuple(moved)


def _mismatch(
    f: Environment, name: str, found: Shape, wanted: Shape, span: Span, written: ast.Expr
) -> None:
    text = wording.short(written.span)
    f.error(
        "E0203",
        f"`{name}` gives {shape_text(found)}, and `{text}` is {shape_text(wanted)}",
        span,
        secondary=(Label(written.span, f"{shape_text(wanted)} here"),),
        help=f"it gives the derivative of `{text}`, which has the same shape",
    )


def _euler(system: System, y: Values) -> Values:
    return system.ahead(y, 1, system.slope(y))


def _midpoint(system: System, y: Values) -> Values:
    middle = system.ahead(y, 2, system.slope(y))
    return system.ahead(y, 1, system.slope(middle))


def _rk4(system: System, y: Values) -> Values:
    """The classical rule of Runge and Kutta."""
    op = system.f.context.op
    first = system.slope(y)
    second = system.slope(system.ahead(y, 2, first))
    third = system.slope(system.ahead(y, 2, second))
    fourth = system.slope(system.ahead(y, 1, third))
    mixed = []
    for a, b, c, d in zip(first, second, third, fourth, strict=True):
        middle = op("mul", op("add", b.name, c.name), 2.0)
        mixed.append(replace(a, name=op("add", op("add", a.name, middle), d.name)))
    return system.ahead(y, 6, tuple(mixed))


METHODS: dict[str, Callable[[System, Values], Values]] = {
    "euler": _euler,
    "midpoint": _midpoint,
    "rk4": _rk4,
}
