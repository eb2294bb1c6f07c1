"""The left side of equations.  In: a target and its value.  Out: a bound name or a next state.

a = …        a value; a new one for the same name where no parameters are named after it, or in
             a loop, for a name from before it
h' = …       the next state
y[k] = …     a slice of what the loop over `k` fills; after the loop `y` is [K, …]: all slices
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Label
from celldsl.diagnostics.span import Span
from celldsl.ir.notes import Definition
from celldsl.ir.size import Shape, shape_text
from celldsl.semantics import conversions as convert
from celldsl.semantics.builtins.shapes import expanded, may_expand
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import Binding, Stack, Static, Tensor, Unknown, Value
from celldsl.semantics.next_states import (
    assign_next,
    defined_again,
    refuse,
    set_next,
    state_of,
    twice,
)
from celldsl.syntax import ast


def assign_slice(f: Environment, s: ast.Equation, target: ast.Target, value: Value) -> None:
    """`y[k] = …`: one slice of what the loop over `k` fills."""
    index = target.index
    variable = index.id if isinstance(index, ast.Name) and not index.primed else ""
    binding = f.find(variable)
    if binding is None or binding.kind != "index" or not isinstance(binding.value, Static):
        span = index.span if index is not None else target.span
        prime = "'" * target.primed
        f.error(
            "E0311",
            f"`{target.id}[…] = …` fills a value in a loop, by the loop's variable",
            span,
            "this is none",
            help=f"in `for k in 0..K:` write `{target.id}{prime}[k] = …`; parts are joined by "
            "`concat([…])`",
        )
        f.silenced.add(target.id)
        return
    if binding.depth != len(f.iterations):
        f.error(
            "E0311",
            f"`{target.id}[{variable}]` stands in a loop inside the one over `{variable}`",
            target.span,
            "it would be defined more than once",
        )
        f.silenced.add(target.id)
        return
    f.context.usage.used.add(binding.span)
    _keep_slice(f, s, target, value, variable, binding.value)


def _keep_slice(
    f: Environment, s: ast.Equation, target: ast.Target, value: Value, variable: str, k: Static
) -> None:
    if target.primed and state_of(f, target) is None:
        return
    if not target.primed and f.find(target.id) is not None:
        old = f.find(target.id)
        assert old is not None
        if old.kind == "value":
            twice(f, target, old.span)
        else:
            refuse(f, target, old)
        return
    key = target.id + "'" * target.primed
    stack = f.stacks.setdefault(key, Stack(variable, target.span, s.span, target.primed))
    place = k.size.constant
    assert place is not None
    if place in stack.slices:
        twice(f, target, stack.span)
        return
    found = stack.slices[place] = convert.number(f, value, s.value.span)
    f.note(key, found or Unknown(), s.span)


def close_stacks(f: Environment, loop: ast.For, low: int, high: int) -> None:
    """After a loop: values whose slices it has defined."""
    for key, stack in list(f.stacks.items()):
        if stack.variable != loop.variable.id:
            continue
        name = key.rstrip("'")
        f.later.pop(name, None)
        value = f.named(_stacked(f, name, stack, low, high, loop.high.span), stack.span)
        del f.stacks[key]
        _note_whole(f, name, stack, value)
        if stack.primed:
            written = ast.Name(name, span=stack.span)
            set_next(f, name, stack.span, written, value)
            f.context.usage.nexts[f.prefix + name] = stack.equation
            continue
        f.note(name, value, stack.span)
        f.scopes[-1][name] = Binding("value", value, stack.span, len(f.iterations), f.iteration)
        f.context.usage.declared[stack.span] = ("value", name)


def _note_whole(f: Environment, name: str, stack: Stack, value: Value) -> None:
    if isinstance(value, Tensor):
        f.context.notes.equations += 1
        noted = Definition(name, stack.primed, value.name, f.where(), f.context.notes.equations)
        f.context.notes.definitions.append(noted)


def _stacked(f: Environment, name: str, stack: Stack, low: int, high: int, why: Span) -> Value:
    if low != 0 or set(stack.slices) != set(range(low, high)):
        f.error(
            "E0311",
            f"the loop does not define all of `{name}`",
            stack.span,
            f"slices count from 0, and the loop begins at {low}"
            if low != 0
            else "some iterations leave it out",
        )
        return Unknown()
    slices = [stack.slices[k] for k in range(high)]
    known = [v for v in slices if v is not None]
    if not slices or len(known) < len(slices):
        return Unknown()
    shapes: list[Shape] = [v.shape for v in known]
    if not all(f.context.constraints.same_shape(shapes[0], shape) for shape in shapes):
        f.error("E0311", f"the slices of `{name}` have different shapes", stack.span)
        return Unknown()
    if not may_expand(f, known[0], stack.span):
        return Unknown()
    rows = [expanded(f, v, 0).name for v in known]
    joined = f.context.op("concat", *rows, axis=0)
    return Tensor(joined, f.context.shape(joined), (why, *(known[0].why or ())))


def assign(f: Environment, s: ast.Equation, target: ast.Target, value: Value, number: int) -> None:
    """`number` counts the equations that were gone through."""
    value = f.named(value, target.span)
    _note(f, target, value, number)
    f.saw(target.span, value)
    if isinstance(value, Tensor) and target.index is None and f.called is None:
        name = f"{f.prefix}{target.id}".replace(".", "_")
        name += "_next" * target.primed
        if f.context.is_complex(value.name):
            pair = f.context.pair(value.name)
            for part, suffix in ((pair.real, "re"), (pair.imag, "im")):
                f.context.builder.label(part or "", f"{name}_{suffix}")
        f.context.builder.label(value.name, name)
    if target.index is not None:
        assign_slice(f, s, target, value)
    elif target.primed:
        assign_next(f, s, target, value)
    else:
        _assign_value(f, s, target, value)


def _note(f: Environment, target: ast.Target, value: Value, number: int) -> None:
    if not isinstance(value, Tensor):
        return
    index = None
    if isinstance(target.index, ast.Name):
        binding = f.find(target.index.id)
        known = None if binding is None else binding.value
        index = known.size.constant if isinstance(known, Static) else None
    noted = Definition(target.id, target.primed, value.name, f.where(), number, index)
    f.context.notes.definitions.append(noted)


def is_taken(f: Environment, target: ast.Target) -> bool:
    """Whether another equation of this name has parameters, so that this one will be refused."""
    if target.index is not None:
        return False
    if target.primed:
        return target.id in f.next_spans
    old = f.find(target.id)
    return old is not None and old.holds and _is_second(f, old)


def _is_second(f: Environment, old: Binding) -> bool:
    """Whether a value of this turn of the loops has the name."""
    return old.depth >= len(f.iterations) or old.rebound is f.iteration


def _assign_value(f: Environment, s: ast.Equation, target: ast.Target, value: Value) -> None:
    f.note(target.id, value, s.span)
    old = f.find(target.id)
    if old is None:
        binding = Binding("value", value, target.span, len(f.iterations), f.iteration)
        binding.holds = f.holds
        f.scopes[-1][target.id] = binding
        f.context.usage.declared[target.span] = ("value", target.id)
        f.hidden.pop(target.id, None)
        return
    if old.kind != "value":
        refuse(f, target, old)
        return
    again = _is_second(f, old)
    if again and (old.holds or f.holds):
        defined_again(f, target, old)
        old.value = value
        return
    f.context.usage.declared[target.span] = ("value", target.id)
    if again and old.depth >= len(f.iterations):
        old.value, old.span = value, target.span
        return
    _rebind(f, s, target, old, value)


def _rebind(
    f: Environment, s: ast.Equation, target: ast.Target, old: Binding, value: Value
) -> None:
    """A new value for a name from before the loop; its shape is that of the first iteration."""
    if old.span != target.span:
        # Without it the name would be the loop's alone.
        f.context.usage.used.add(old.span)
    old.rebound, old.holds = f.iteration, f.holds
    first = all(f.firsts[old.depth :])
    before = convert.as_tensor(f, old.value, target.span)
    after = convert.as_tensor(f, value, s.value.span)
    if before is None or after is None:
        old.value = Unknown()
        return
    fits = len(before.shape) == len(after.shape) if first else False
    if not fits and not f.context.constraints.same_shape(before.shape, after.shape):
        f.error(
            "E0212",
            f"`{target.id}` is {shape_text(before.shape)} "
            f"{'before the loop' if first else 'after one iteration'} and "
            f"{shape_text(after.shape)} {'in it' if first else 'after the next'}",
            target.span,
            secondary=(Label(old.span, f"{shape_text(before.shape)} here"),),
            help="the first iteration may change a size, and all after it give the same; give the "
            "new value another name",
        )
        old.value = Unknown()
        return
    kinds = [f.context.is_complex(v.name) for v in (before, after)]
    if kinds[0] != kinds[1]:
        f.error(
            "E0212",
            f"`{target.id}` is {_number(kinds[0])} before the loop and {_number(kinds[1])} in it",
            target.span,
            secondary=(Label(old.span, f"{_number(kinds[0])} here"),),
            help="begin it with a complex value: `… + 0i`" if kinds[1] else "take a part of it",
        )
        after = None
    elif before.boolean != after.boolean:
        f.error("E0212", f"`{target.id}` is a number on one side of the loop alone", target.span)
        after = None
    old.value = after or Unknown()
    old.span = target.span


def _number(of_pairs: bool) -> str:
    return "complex" if of_pairs else "real"
