"""Steps of a differential equation.  In: `ode(f, y, dt)`.  Out: y a time `dt` later.

    z = ode(flow, h, gap, method="rk4", steps=2, args=[x, H])

`flow(h, x, H)` is dh/dt.  The rule is applied `steps` times, each for a time of `dt / steps`: a
loop that is unrolled, all of whose calls of `flow` have one set of weights.  Several values that
change together stand in a list, and the function gives as many.
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Fix
from celldsl.diagnostics.suggest import nearest
from celldsl.ir.size import shape_text
from celldsl.semantics import conversions as convert
from celldsl.semantics import sizes as written_sizes
from celldsl.semantics import wording
from celldsl.semantics.broadcast import together
from celldsl.semantics.builtins.function import Bound, Function, given
from celldsl.semantics.builtins.ode_rules import METHODS, Refused, System
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import FunctionValue, Several, Tensor, Unknown, Value
from celldsl.structs import replace
from celldsl.syntax import ast

STEPS = 6


def _ode(f: Environment, e: ast.Call, a: Bound) -> Value:
    if f.only_initial:
        f.error("E0403", f"`ode` cannot stand in {f.only_initial}", e.span)
        return Unknown()
    try:
        function, span = _function(f, a), given(a, "f").span
        rule, steps = METHODS[_method(f, e, a, function)], _steps(f, a)
        system = System(
            f, e, function, span, _items(a, "y"), _items(a, "args"), given(a, "y").span.text
        )
        _check_count(system)
        y = tuple(_number(f, written) for written in system.written)
        time = _number(f, given(a, "dt"))
        for each in zip(y, system.written, strict=True):
            _check_time(f, e, a, time, *each)
        system.time, system.steps = time, steps
        with f.framed(f"ode {function.name}"):
            for k in range(steps):
                f.context.count_equation(e.span)
                with f.framed(*([f"step = {k + 1}"] if steps > 1 else [])):
                    y = rule(system, y)
    except Refused:
        return Unknown()
    return y[0] if len(y) == 1 else Several(y)


def _items(a: Bound, name: str) -> tuple[ast.Expr, ...]:
    written = a[name]
    if written is None:
        return ()
    return written.items if isinstance(written, ast.ListOf) else (written,)


def _number(f: Environment, written: ast.Expr) -> Tensor:
    found = convert.number(f, f.elaborate(written), written.span)
    if found is None:
        raise Refused
    return replace(found, hyper=None)


def _check_time(
    f: Environment, e: ast.Call, a: Bound, dt: Tensor, y: Tensor, written: ast.Expr
) -> None:
    """A step's length is one number, or fits the value."""
    joined = together(f, e.span, ((written, y), (given(a, "dt"), dt)))
    if joined is None:
        raise Refused
    (_, time), _ = joined
    if not f.context.constraints.same_shape(f.context.shape(time), y.shape):
        text, place = wording.short(written.span), given(a, "dt").span
        told = f"`{text}` is {shape_text(y.shape)}, and its time is {shape_text(dt.shape)}"
        f.error("E0203", told, place, help="a time is one number, or one for each element")
        raise Refused


def _function(f: Environment, a: Bound) -> FunctionValue:
    written = given(a, "f")
    binding = f.find(written.id) if isinstance(written, ast.Name) else None
    help = "it is the name of a function: `def flow(y, x) = …`, then `ode(flow, y, dt, args=[x])`"
    if isinstance(written, ast.Call):
        rest = ", ".join(arg.span.text for arg in written.args[1:])
        y = given(a, "y").span.text
        help = f"`ode` calls it by itself: `ode({written.function}, {y}, …"
        help += f", args=[{rest}])`" if rest else ")`"
    elif binding is not None and binding.kind == "sub":
        f.context.usage.used.add(binding.span)
        name = binding.span.text
        told = f"`{name}` is an inner cell, and no function"
        help = f"step it, and take the difference: `k = {name}(…, h=y) - y`"
        f.error("E0310", told, written.span, help=help)
        if name in f.inner:
            f.inner[name].stepped = written.span  # how it is stepped has been told
        raise Refused
    elif isinstance(written, ast.Name) and binding is None:
        near = nearest(written.id, f.home.defs)
        if near and written.id not in f.home.defs:
            told, help = f"there is no function `{written.id}`", f"did you mean `{near}`?"
            f.error("E0101", told, written.span, help=help, fix=Fix(written.span, near))
            raise Refused
    value = f.elaborate(written) if not isinstance(written, ast.Call) else None
    if isinstance(value, FunctionValue):
        return value
    if not isinstance(value, Unknown):
        told = f"`{wording.short(written.span)}` is no function"
        f.error("E0310", told, written.span, "the right side of the equation", help=help)
    raise Refused


def _check_count(system: System) -> None:
    """The function takes what changes, and `args`."""
    definition, e = system.function.definition, system.e
    given_ = (*system.written, *system.args)
    if definition is None or len(definition.args) == len(given_):
        return
    name, wanted = definition.name.id, [argument.id for argument in definition.args]
    count = "1 value" if len(wanted) == 1 else f"{len(wanted)} values"
    lacking = wanted[len(given_) :]
    help = "what stands in `args` follows what changes"
    if lacking:
        listed = ", ".join([*(arg.span.text for arg in system.args), *lacking])
        help = f"what it takes besides stands in a list: `args=[{listed}]`"
    system.f.error(
        "E0122",
        f"`{name}` takes {count}, and `ode` gives it {len(given_)}",
        e.span,
        f"`{name}({', '.join(wanted)})`",
        help=help,
    )
    raise Refused


def _method(f: Environment, e: ast.Call, a: Bound, function: FunctionValue) -> str:
    written = a["method"]
    if written is None:
        return "euler"
    if isinstance(written, ast.String) and written.value in METHODS:
        return written.value
    names = ", ".join(f'"{name}"' for name in METHODS)
    text = written.value if isinstance(written, ast.String) else written.span.text
    near = text if text in METHODS else nearest(text, METHODS)
    help = f'write `"{near}"`' if near else None
    if not near and not isinstance(written, ast.String):
        rest = ", ".join(arg.span.text for arg in e.args[3:])
        by_place = f"what the function takes besides stands in a list: `args=[{rest}]`"
        help = by_place if rest else "a method is fixed where the equation is written, in quotes"
        taken, changing = function.definition, len(_items(a, "y"))
        if rest and len(e.args) == 4 and (taken is None or len(taken.args) == changing):
            begin, end = given(a, "dt").span.text, written.span.text
            length = end if begin in ("0", "0.0") else f"{end} - {begin}"
            y = given(a, "y").span.text
            better = f"ode({function.name}, {y}, {length})"
            help = f"time goes from 0: it takes how long that is, `{wording.short_text(better)}`"
    fix = Fix(written.span, f'"{near}"') if near else None
    told = "a method stands in quotes" if text in METHODS else f"`ode` has no method `{text}`"
    f.error("E0124", told, written.span, f"it is one of {names}", help=help, fix=fix)
    raise Refused


def _steps(f: Environment, a: Bound) -> int:
    written = a["steps"]
    steps = STEPS if written is None else written_sizes.integer(f, written, "a number of steps")
    if steps is None:
        raise Refused
    if steps < 1:
        assert written is not None
        f.error("E0124", f"there is at least one step, and not {steps}", written.span)
        raise Refused
    return steps


ENTRIES = (
    Function("ode", f"f, y, dt, method=\"euler\", steps={STEPS}, args=", "y a time dt later, where "
             "f(y, …) is dy/dt, by a rule of fixed steps", _ode,
             too_many="what the function takes besides stands in a list: `args=[x, N]`"),
)  # fmt: skip
