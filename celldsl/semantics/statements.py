"""Statements of a body.  In: equations, loops, branches.  Out: bound names and next states."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from celldsl.diagnostics.diagnostic import Label
from celldsl.diagnostics.span import Span
from celldsl.ir.size import Size, shape_text
from celldsl.semantics import conversions as convert
from celldsl.semantics import sizes as written_sizes
from celldsl.semantics.assignments import assign, close_stacks, is_taken
from celldsl.semantics.conditions import holds
from celldsl.semantics.context import Environment
from celldsl.semantics.declarations import declare_array, declare_name
from celldsl.semantics.environment import Binding, Fits, Several, Static, Tensor, Unknown, Value
from celldsl.semantics.subcells import declare_sub
from celldsl.semantics.wording import elaborate_beside, has_shape
from celldsl.syntax import ast


def run(f: Environment, statements: Iterable[ast.Statement]) -> None:
    for s in statements:
        match s:
            case ast.Equation():
                equation(f, s)
            case ast.For():
                loop(f, s)
            case ast.If():
                branch(f, s)
            case ast.Sub():
                if f.in_function:
                    help = "declare it in the cell, and hand the function what its step gives"
                    f.error("E0304", "a function holds no inner cells", s.span, help=help)
                    f.scopes[-1][s.name.id] = Binding("sub", Unknown(), s.name.span)
                else:
                    declare_sub(f, s)
            case ast.Param() | ast.Const():
                for name in s.names:
                    declare_array(f, name, s)
            case ast.Return():
                f.error("E0304", "`return` stands at the end of a function", s.span)
            case ast.Input() | ast.State() | ast.Output() | ast.Require():
                word = type(s).__name__.lower()
                f.error("E0304", f"`{word}` stands at the top level of a cell", s.span)


def spell_later(statements: Iterable[ast.Statement]) -> dict[str, Span]:
    """What equations define, and where first: to tell "not yet" from "not at all"."""
    found: dict[str, Span] = {}
    for s in statements:
        match s:
            case ast.Equation(targets):
                for target in targets:
                    found.setdefault(target.id, target.span)
            case ast.For(body=body):
                for name, span in spell_later(body).items():
                    found.setdefault(name, span)
            case ast.If(body=body, orelse=orelse):
                for name, span in spell_later((*body, *(orelse or ()))).items():
                    found.setdefault(name, span)
    return found


def equation(f: Environment, s: ast.Equation) -> None:
    w = f.context
    w.count_equation(s.span)
    w.origin(s.span)
    w.notes.equations += 1
    number, outer = w.notes.equations, w.notes.origin
    w.notes.origin = f.where()
    name = "_".join(target.id for target in s.targets)
    f.place = f.base + ".".join([name, *map(str, f.iterations)])
    f.made = {}
    before, taken, refused = len(w.params), w.name_taken, w.refused
    w.name_taken = taken or any(is_taken(f, target) for target in s.targets)
    value = elaborate_beside(f, s.value, _wanted(f, s.targets[0]))
    w.name_taken = taken
    own, made = f"{f.place}.", islice(reversed(w.params), len(w.params) - before)
    f.holds = any(name.startswith(own) for name in made) or w.refused > refused
    for target, item in zip(s.targets, _items(f, s, value), strict=True):
        f.later.pop(target.id, None)
        assign(f, s, target, item, number)
    f.place = ""
    w.notes.origin = outer


def _wanted(f: Environment, target: ast.Target) -> Fits:
    """A next state is a value of the shape of the state."""
    state = f.find(target.id) if target.primed and target.index is None else None
    if state is None or not isinstance(state.value, Tensor):
        return f.fits
    return has_shape(f, state.value.shape)


def _items(f: Environment, s: ast.Equation, value: Value) -> tuple[Value, ...]:
    """A value for each target."""
    count = len(s.targets)
    match value:
        case Several(items) if len(items) == count:
            return items
        case Several(items):
            given = len(items)
        case Unknown():
            return (value,) * count
        case _ if count == 1:
            return (_kept(f, s, value),)
        case _:
            given = 1
    span = s.targets[0].span.until(s.targets[-1].span)
    f.error(
        "E0209",
        f"{_names(count)} on the left, {given} value{'s' * (given != 1)} on the right",
        span,
        secondary=(Label(s.value.span, f"this gives {given}"),),
        help="every value has a name on the left: `a, b = …`" if given > count else None,
    )
    return (Unknown(),) * count


def _names(count: int) -> str:
    return "1 name" if count == 1 else f"{count} names"


def _kept(f: Environment, s: ast.Equation, value: Value) -> Value:
    """Numbers stay what they are; what is no value is told."""
    if isinstance(value, Static | Tensor):
        return value
    return convert.as_tensor(f, value, s.value.span) or Unknown()


def loop(f: Environment, s: ast.For) -> None:
    low = written_sizes.integer(f, s.low, "a loop's bound")
    high = written_sizes.integer(f, s.high, "a loop's bound")
    declare_name(f, s.variable, "index")
    if (
        isinstance(s.low, ast.Number)
        and isinstance(s.high, ast.Number)
        and low
        and low > (high or 0)
    ):
        told = f"a loop counts upwards, and nothing is in `{low}..{high}`"
        variable = s.variable.id
        help = f"write `for {variable} in 0..{low - (high or 0)}:`, and `{low} - {variable}` in it"
        f.error("E0124", told, s.low.span.until(s.high.span), help=help)
        low = None
    if low is None or high is None:
        f.silenced |= set(spell_later(s.body))
        return
    outer, iteration, stacks, firsts = f.iterations, f.iteration, f.stacks, f.firsts
    f.stacks = dict(stacks)
    for k in range(low, high):
        f.context.count_equation(s.span)
        index = Binding("index", Static(Size.of(k)), s.variable.span, len(outer) + 1)
        f.scopes.append({s.variable.id: index})
        f.iterations, f.iteration, f.firsts = (*outer, k), object(), (*firsts, k == low)
        with f.framed(f"{s.variable.id} = {k}"):
            _one_pass(f, s)
        _hide(f, f.scopes.pop(), "loop")
    f.iterations, f.iteration, f.firsts = outer, iteration, firsts
    close_stacks(f, s, low, high)
    f.stacks = stacks


def _one_pass(f: Environment, s: ast.For) -> None:
    """A pass of a loop, after which names that its equations will define are still to come."""
    before = len(f.all_inner)
    run(f, s.body)
    for inner in f.all_inner[before:]:
        f.inner.pop(inner.name, None)


def _hide(f: Environment, names: dict[str, Binding], why: str) -> None:
    for name, binding in names.items():
        f.hidden[name] = binding.span, why


def branch(f: Environment, s: ast.If) -> None:
    answer = holds(f, s.condition)
    if answer is None:
        f.silenced |= set(spell_later((*s.body, *(s.orelse or ()))))
        _silence_states(f, s)
        return
    f.context.usage.visited.add((s.span, answer))
    taken, other = (s.body, s.orelse or ()) if answer else (s.orelse or (), s.body)
    before = set(f.scopes[-1])
    run(f, taken)
    both = _defined(taken) & _defined(other)
    for name in [n for n in f.scopes[-1] if n not in before]:
        binding = f.scopes[-1][name]
        if name not in both:
            f.hidden[name] = binding.span, "branch"
            del f.scopes[-1][name]
        elif isinstance(binding.value, Tensor):
            _same_in_both(f, s, name, binding)
    for name, span in spell_later(other).items():
        if f.find(name) is None:
            f.hidden.setdefault(name, (span, "branch"))
            f.later.pop(name, None)


def _silence_states(f: Environment, s: ast.If) -> None:
    """States that a branch would have defined are not missing."""
    for name in spell_later((*s.body, *(s.orelse or ()))):
        binding = f.find(name)
        if binding is not None and binding.kind == "state":
            f.nexts.setdefault(name, None)


def _same_in_both(f: Environment, s: ast.If, name: str, binding: Binding) -> None:
    """A name that all branches define has one shape."""
    assert isinstance(binding.value, Tensor)
    shapes, shape = f.context.usage.branch_shapes, binding.value.shape
    if f.in_function or f.prefix or f.iterations:
        return
    of_pairs = f.context.is_complex(binding.value.name)
    mine = shape, binding.span, f.context.constraints, of_pairs
    first, place, constraints, other = shapes.setdefault((s.span, name), mine)
    if place != binding.span and other != of_pairs:
        words = ["complex" if each else "real" for each in (of_pairs, other)]
        f.error(
            "E0213",
            f"`{name}` is complex in one branch and real in the other",
            binding.span,
            f"{words[0]} here",
            secondary=(Label(place, f"{words[1]} here"),),
            help="make both complex: `… + 0i`",
        )
        return
    if place == binding.span or any(
        k.same_shape(first, shape) for k in (constraints, f.context.constraints)
    ):
        return
    f.error(
        "E0213",
        f"`{name}` has another shape in each branch",
        binding.span,
        f"{shape_text(shape)} here",
        secondary=(Label(place, f"{shape_text(first)} here"),),
    )


def _defined(statements: Iterable[ast.Statement]) -> set[str]:
    """The names that a branch defines in every case."""
    found: set[str] = set()
    for s in statements:
        match s:
            case ast.Equation(targets):
                found |= {t.id for t in targets}
            case ast.Param(names) | ast.Const(names):
                found |= {name.id for name in names}
            case ast.Sub(name):
                found.add(name.id)
            case ast.For(body=body):
                found |= _stacked(body)
            case ast.If(body=body, orelse=orelse):
                found |= _defined(body) & _defined(orelse or ())
    return found


def _stacked(body: Iterable[ast.Statement]) -> set[str]:
    """Names that a loop fills slice by slice."""
    return {
        target.id
        for s in body
        if isinstance(s, ast.Equation)
        for target in s.targets
        if target.index is not None
    }
