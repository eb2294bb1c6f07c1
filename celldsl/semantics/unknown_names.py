"""A name that is not there, and what was meant.  In: the name, its place.  Out: an error, a fix.

tahn(x)           did you mean `tanh`?       not `tan`, which is a letter short
g * hiden         did you mean `hidden`?     among names of a shape that fits beside `g`
linear(x, Hh)     did you mean `H`?          among names of sizes
matmul(W, x)      the matrix product is written `A @ b`
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from celldsl.diagnostics.diagnostic import Fix, Label
from celldsl.diagnostics.span import Span
from celldsl.diagnostics.suggest import MAX_LENGTH, nearest
from celldsl.semantics.builtins.table import FUNCTIONS, PRELUDE
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import Sight, Tensor
from celldsl.semantics.foreign_functions import FOREIGN
from celldsl.semantics.initial_values import INITIALISERS
from celldsl.semantics.wording import is_size
from celldsl.syntax import ast
from celldsl.syntax.hints.idioms import timed_state
from celldsl.syntax.hints.other_names import STARTS, VALUES
from celldsl.syntax.names import PRIMES

# Names that are compared with one that is not there: enough for a file that a person wrote.
MAX_COMPARED = 5_000
# What stands behind a matrix: `@ x`, or `* x` where a product of them is meant.  Compiled
# where it is used, since few files need it.
_OPERAND = r"\s*([@*])\s*(\w+)"
Help = tuple[str | None, Fix | None]


def unknown_value(f: Environment, name: str, span: Span, primed: bool = False) -> None:
    if name == f.context.usage.asked and f.context.usage.sight is None:
        seen = {n: (b, f.fits(b)) for scope in f.scopes for n, b in scope.items()}
        f.context.usage.sight = Sight(seen, frozenset(f.nexts))
    if name in f.home.broken or name in f.silenced:
        return
    if name in f.hidden:
        _explain_hidden(f, name, span)
        return
    if name in f.later and not primed and set(f.later[name].text) & set(PRIMES):
        _explain_undeclared(f, name, span)
        return
    if name in f.later and not primed:
        f.error(
            "E0103",
            f"`{name}` is read before it is defined",
            span,
            secondary=(Label(f.later[name], "it is defined here"),),
            help=_sliced(f.later[name], span) or "what is read stands above: move one of the two",
        )
        # It is told where it is read first.
        f.silenced.add(name)
        return
    if name in f.home.cells:
        told = f"declare an inner cell: `sub g = {name}[…]`"
        f.error("E0111", f"`{name}` is a cell, not a value", span, help=told)
        return
    help, fix = value_meant(f, name, span, primed)
    shown = f"{name}'" if primed else name
    f.error("E0101", f"`{shown}` is not defined", span, help=help, fix=fix)


def _sliced(target: Span, read: Span) -> str | None:
    """`y[k] = … y[k-1] …`: a slice that the first iteration has nothing to read for."""
    found = re.fullmatch(r"(\w+)\[\s*(\w+)\s*\]", target.text)
    if found is None or "\n" in target.until(read).text:
        return None
    name, index = found.groups()
    if re.compile(rf"\[\s*{index}\s*\+").match(read.source.text, read.end):
        return f"a later iteration sets it: a loop counts up, so that `{name}[{index}-1]` is known"
    return f"the first iteration has none before it: set its `{name}[{index}]` apart by an `if`"


def unknown_function(f: Environment, name: str, span: Span) -> None:
    if name in f.home.broken or name in f.silenced:
        return
    below = _inner_below(f, name)
    if below is not None:
        told, up = (
            f"`{name}` is declared below its step",
            "declare it above: move its `sub` line up",
        )
        f.error("E0103", told, span, secondary=(Label(below, "it is declared here"),), help=up)
        f.silenced.add(name)
        return
    help, fix = function_meant(f, name, span)
    f.error("E0101", f"there is no function `{name}`", span, help=help, fix=fix)


def _inner_below(f: Environment, name: str) -> Span | None:
    """Where the cell declares an inner cell of this name, which is not known yet."""
    own = f.context.cells and not f.prefix and f.called is None
    body = f.context.cells[-1].body if own else ()
    names = (s.name for s in body if isinstance(s, ast.Sub))
    return next((each.span for each in names if each.id == name), None)


def _explain_undeclared(f: Environment, name: str, span: Span) -> None:
    """`h'` has an equation, and `h`, which no `state` declares, is read above it."""
    states = [n for scope in f.scopes for n, b in scope.items() if b.kind == "state"]
    near = nearest_of(f, name, states)
    declared = f"declare it above: `state {name}: [{_length(f)}]`"
    f.error(
        "E0101",
        f"`{name}` is read, and no state is called so",
        span,
        secondary=(Label(f.later[name], "this would be its next value"),),
        help=f"did you mean `{near}`?" if near else declared,
    )
    # Its next value would say the same again.
    f.silenced.add(name)


def _explain_hidden(f: Environment, name: str, span: Span) -> None:
    """A name that a loop or one branch of an `if` has kept to itself."""
    span, why = f.hidden[name]
    if why == "loop":
        message = f"`{name}` is defined inside the loop and stays there"
        help = f"give `{name}` a value before the loop, or fill `{name}[k]`"
    else:
        message = f"`{name}` is not defined in every branch of the `if` above"
        help = f"define `{name}` in the other branch too"
    label = Label(span, "it is defined here")
    f.error("E0109", message, span, "so it is not known here", secondary=(label,), help=help)


def value_meant(f: Environment, name: str, span: Span, primed: bool = False) -> Help:
    """A name that fits, or else any; and what has no name here."""
    if f.context.usage.compared > MAX_COMPARED:
        return None, None
    known = {n: binding for scope in f.scopes for n, binding in scope.items()}
    if primed:
        known = {n: binding for n, binding in known.items() if binding.kind == "state"}
    near = nearest_of(f, name, [n for n, b in known.items() if f.fits(b)]) or nearest_of(
        f, name, known
    )
    if name in ("i", "j") and not primed and f.fits is not is_size:
        unit = "the imaginary unit is `1i`"
        return f"{unit}; did you mean `{near}`?" if near else unit, Fix(span, near or "1i")
    if near is None and f.only_initial:
        return _initialiser_meant(f, name, span)
    if near is None:
        timed = _timed(f, name, span) or _joined(f, name)
        return timed or (_said(name) or _declaration(f, name, span, primed), None)
    better = f"{near}'" if primed else near
    return f"did you mean `{better}`?", Fix(span, better)


def _initialiser_meant(f: Environment, name: str, span: Span) -> Help:
    """`xavier_uniform`, or an initialiser that is spelt alike."""
    elsewhere = STARTS.get(name.rstrip("_"))
    near = elsewhere or nearest_of(f, name, INITIALISERS)
    if near is None:
        return None, None
    return f"here it is `{near}`" if elsewhere else f"did you mean `{near}`?", Fix(span, near)


def _said(name: str) -> str | None:
    return VALUES.get(name) or FOREIGN.replaced.get(name)


def _joined(f: Environment, name: str) -> Help | None:
    """`Wx`, which papers write for a product."""
    binding = f.find(name[1:])
    value = None if binding is None else binding.value
    if not name[0].isupper() or not isinstance(value, Tensor) or len(value.shape) != 1:
        return None
    return f"a product is written `{name[0]} @ {name[1:]}`", None


def _timed(f: Environment, name: str, span: Span) -> Help | None:
    """`x_t` and `x_prev` where `x` is an input, and `h_new` where `h` is a state."""
    state = timed_state(name, [n for s in f.scopes for n, b in s.items() if b.kind == "state"])
    if state is not None:
        better = state[0] if state[1] == "old" else f"{state[0]}'"
        return f"write `{better}`", Fix(span, better)
    inputs = [n for scope in f.scopes for n, b in scope.items() if b.kind == "input"]
    match timed_state(name, inputs):
        case (found, "now"):
            return f"the value of this step is `{found}`", Fix(span, found)
        case (found, "old"):
            return f"carry it: `state {found}_last: [N]` and `{found}_last' = {found}`", None
        case (found, _):
            return f"a cell sees one step, and of `{found}` this one alone", None
    return None


def _declaration(f: Environment, name: str, span: Span, primed: bool) -> str | None:
    """How a name that resembles none could be declared."""
    if f.in_function:
        return f"a function sees its arguments: add `{name}` to them, here and in the call"
    if primed:
        return f"declare it: `state {name}: [{_length(f)}]`"
    if f.fits is is_size:
        dims = [n for n, b in f.scopes[0].items() if b.kind == "dim"]
        return f"the dims here are {', '.join(dims)}" if dims else None
    if name[0].isupper() or name.startswith(("w_", "u_", "weight")):
        return _matrix(f, name, span)
    if name[0] == "b" and (len(name) == 1 or name[1] in "_ihfogcrzn"):
        return f"if it is trained, declare it: `param {name}: [{_length(f)}]`"
    return None


def _length(f: Environment) -> str:
    """How long the first state is that is a vector; `H` where there is none."""
    states = [b.value for s in f.scopes for b in s.values() if b.kind == "state"]
    vectors = (v for v in states if isinstance(v, Tensor) and len(v.shape) == 1)
    return next((str(v.shape[0]) for v in vectors), "H")


def _matrix(f: Environment, name: str, span: Span) -> str:
    """The declaration of a matrix, by what stands behind it."""
    rows = _length(f)
    behind = re.compile(_OPERAND).match(span.source.text, span.end, span.end + MAX_LENGTH)
    binding = None if behind is None else f.find(behind[2])
    value = None if binding is None else binding.value
    if behind is None or not isinstance(value, Tensor) or len(value.shape) != 1:
        return f"if it is trained, declare it: `param {name}: [{rows}, I]`"
    declared = f"`param {name}: [{rows}, {value.shape[0]}]`"
    product = "" if behind[1] == "@" else f", and write `{name} @ {behind[2]}`"
    return f"if it is trained, declare it: {declared}{product}"


def function_meant(f: Environment, name: str, span: Span) -> Help:
    """A function of the same name elsewhere, or one that is spelt alike."""
    if f.only_initial and _initialiser_meant(f, name, span)[0]:
        return _initialiser_meant(f, name, span)
    if name in FOREIGN.replaced:
        return FOREIGN.replaced[name], None
    if name in FOREIGN.renamed:
        ours = FOREIGN.renamed[name]
        return f"here it is `{ours}`", Fix(span, ours)
    callable_here = [n for s in f.scopes for n, b in s.items() if b.kind in ("sub", "hyper")]
    near = nearest_of(f, name, [*f.home.defs, *FUNCTIONS, *PRELUDE, *callable_here])
    return (None, None) if near is None else (f"did you mean `{near}`?", Fix(span, near))


def nearest_of(f: Environment, name: str, known: Iterable[str]) -> str | None:
    """The nearest name; letters that changed places (`tahn`) come before one that is missing."""
    letters, names = sorted(name.lower()), list(known)
    f.context.usage.compared += len(names)
    if f.context.usage.compared > MAX_COMPARED:
        return None
    swapped = [n for n in names if n != name and sorted(n.lower()) == letters]
    return nearest(name, swapped) or nearest(name, names)
