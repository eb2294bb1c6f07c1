"""NaN in gradients through `where` (W0510).  In: equations.  Out: warnings with their fix.

    where(x > 0, log(x), 0)             at x = 0 the gradient of `log(x)` is infinite, and 0 times
                                        infinity is NaN, though `log(x)` is not chosen there
    where(x > 0, log(where(x > 0, x, 1)), 0)        what to write instead

A condition that compares E with F bounds E, F, -E and E - F, and a difference of something and
E's square; with `abs(E)` or a square of E it bounds E as well.  A condition may have a name of its
own.  Where a branch applies a function with a pole to one
of these, outside of another `where`, the branch that is not chosen sends NaN back.  What is made of
settings alone is the same in every element, and no branch chooses it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from celldsl.diagnostics.span import Span
from celldsl.semantics.expressions import COMPARISONS
from celldsl.semantics.wording import Warned
from celldsl.syntax import ast
from celldsl.syntax.walk import equations, parts

# Functions whose derivative is infinite, or that do not exist, at an end of their domain.
POLES = frozenset({"log", "sqrt", "rsqrt", "log1p"})
# Nothing goes back through these.
OPAQUE = frozenset({"where", "stop_gradient"})
Equations = Mapping[str, ast.Expr]


class Inside(NamedTuple):
    """Calls and quotients with a pole, each with the argument that meets it, and names beside."""

    poles: list[tuple[ast.Expr, ast.Expr]]
    names: list[str]


class Pole(NamedTuple):
    """A call or quotient `whole`, whose `argument` a condition bounds."""

    whole: Span
    argument: Span
    instead: str


def poles(cell: ast.Cell) -> Iterator[Warned]:
    """`where(x > 0, log(x), 0)`: the branch that is not chosen sends NaN back."""
    settings = frozenset({dim.id for dim in cell.dims} | {hyper.id for hyper in cell.hyper})
    for found in _in_body(cell.body, settings):
        whole, argument = found.whole.text, found.argument.text
        message = f"the gradient of `{whole}` is NaN where it is not chosen and `{argument}` is 0"
        if whole.startswith("log1p"):
            message = (
                f"the gradient of `{whole}` is NaN where it is not chosen and `{argument}` is -1"
            )
        help = f"choose inside as well: `{_replaced(found)}`"
        yield "W0510", message, found.argument, help, found.instead


def _replaced(found: Pole) -> str:
    start = found.argument.start - found.whole.start
    end = found.argument.end - found.whole.start
    return f"{found.whole.text[:start]}{found.instead}{found.whole.text[end:]}"


def _in_body(body: Iterable[ast.Statement], settings: frozenset[str]) -> Iterator[Pole]:
    """Every place of a body where a branch that is not chosen sends NaN back.

    `settings` are the names of dims and hyperparameters.
    """
    statements = list(equations(body))
    named = _defined_once(statements)
    leading = _leading_to_poles(named)
    told: set[Span] = set()
    for statement in statements:
        for call in _calls_of_where(statement.value):
            for found in _in_branches(call, named, leading, settings):
                if found.argument not in told:
                    told.add(found.argument)
                    yield found


def _defined_once(statements: Iterable[ast.Equation]) -> Equations:
    """Values with one equation of their own, which a branch may name."""
    single = [s for s in statements if len(s.targets) == 1 and s.targets[0].index is None]
    count = Counter(s.targets[0].id for s in single)
    return {
        s.targets[0].id: s.value
        for s in single
        if count[s.targets[0].id] == 1 and not s.targets[0].primed
    }


def _leading_to_poles(named: Equations) -> Mapping[str, Inside]:
    """What stands in values that a pole lies in or below; they are in the order of the file."""
    found: dict[str, Inside] = {}
    for name, value in named.items():
        inside = _inside(value)
        if inside.poles or any(other in found for other in inside.names):
            found[name] = inside
    return found


def _calls_of_where(expression: ast.Expr) -> Iterator[ast.Call]:
    match expression:
        case ast.Call(function="stop_gradient"):
            return
        case ast.Call(function="where", args=(_, _, _)):
            yield expression
    for part in parts(expression):
        yield from _calls_of_where(part)


def _in_branches(
    call: ast.Call, named: Equations, leading: Mapping[str, Inside], settings: frozenset[str]
) -> Iterator[Pole]:
    condition, yes, no = call.args
    pairs = list(_compared(condition, named))
    text = condition.span.text
    for branch, chosen in ((yes, True), (no, False)):
        for whole, argument in _poles_below(branch, leading):
            if _is_bounded(argument, pairs) and not _is_setting(argument, settings):
                own = argument.span.text
                inner = f"{own}, 1" if chosen else f"1, {own}"
                yield Pole(whole.span, argument.span, f"where({text}, {inner})")


def _is_setting(side: ast.Expr, settings: frozenset[str]) -> bool:
    """Whether it is a number, or made of numbers, dims and hyperparameters."""
    match side:
        case ast.Number():
            return True
        case ast.Name(id=name, primed=False):
            return name in settings
        case ast.Unary(_, operand):
            return _is_setting(operand, settings)
        case ast.Binary(_, left, right):
            return _is_setting(left, settings) and _is_setting(right, settings)
    return False


def _compared(condition: ast.Expr, named: Equations) -> Iterator[tuple[ast.Expr, ast.Expr]]:
    """What a condition compares, and conditions that it names: each is looked into once."""
    waiting, seen = [condition], set[str]()
    while waiting:
        match waiting.pop():
            case ast.Binary(op, left, right) if op in COMPARISONS:
                yield left, right
                for size, other in ((left, right), (right, left)):
                    while (inner := _sized(size)) is not None:
                        yield inner, other
                        size = inner
            case ast.Name(id=name, primed=False) if name in named:
                if name not in seen:
                    seen.add(name)
                    waiting.append(named[name])
            case part:
                waiting += parts(part)


def _sized(expression: ast.Expr) -> ast.Expr | None:
    """E of `abs(E)` and of its square, which are 0 where E is."""
    match expression:
        case ast.Call(function="abs", args=(inner,)):
            return inner
    return _squared(expression)


def _is_bounded(argument: ast.Expr, pairs: Iterable[tuple[ast.Expr, ast.Expr]]) -> bool:
    """Whether what meets a pole has its sign where a comparison changes its mind."""
    for pair in pairs:
        if argument in pair:
            return True
        match argument:
            case ast.Unary("-", operand) if operand in pair:
                return True
            case ast.Binary("-", left, right):
                if (left, right) in (pair, pair[::-1]):
                    return True
                if any(_squared(side) in pair for side in (left, right)):
                    return True
    return False


def _squared(expression: ast.Expr) -> ast.Expr | None:
    """E of `E * E` and of `E ** 2`."""
    match expression:
        case ast.Binary("*", left, right) if left == right:
            return left
        case ast.Binary("**", base, ast.Number(value=2)):
            return base
    return None


def _poles_below(
    branch: ast.Expr, leading: Mapping[str, Inside]
) -> Iterator[tuple[ast.Expr, ast.Expr]]:
    """The poles of a branch, and of what it names: each value is looked into once."""
    waiting, seen = [_inside(branch)], set[str]()
    while waiting:
        inside = waiting.pop()
        yield from inside.poles
        names = [name for name in inside.names if name in leading and name not in seen]
        seen.update(names)
        waiting += [leading[name] for name in dict.fromkeys(names)]


def _inside(expression: ast.Expr) -> Inside:
    found = Inside([], [])
    waiting = [expression]
    while waiting:
        part = waiting.pop()
        match part:
            case ast.Call(function=function) if function in OPAQUE:
                continue
            case ast.Call(function=function, args=(argument, *_)) if function in POLES:
                found.poles.append((part, argument))
            case ast.Binary("/", _, divisor) | ast.Call(function="mod", args=(_, divisor)):
                found.poles.append((part, divisor))
            case ast.Binary("**", base, exponent) if not _is_whole(exponent):
                found.poles.append((part, base))
            case ast.Name(id=name, primed=False):
                found.names.append(name)
        waiting += parts(part)
    return found


def _is_whole(exponent: ast.Expr) -> bool:
    """Whether a power is a product, which has no pole."""
    return isinstance(exponent, ast.Number) and exponent.value == int(exponent.value)
