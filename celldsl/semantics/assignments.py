"""The left side of equations.  In: a target and its value.  Out: a bound name or a next state.

a = …        a value, once; in a loop, a new value for a name from before it
h' = …       the next state
y[k] = …     a slice of what the loop over `k` fills
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Fix, Label
from celldsl.diagnostics.span import Span
from celldsl.ir.size import Shape, shape_text
from celldsl.semantics import convert
from celldsl.semantics.broadcast import product_hint, reasons
from celldsl.semantics.functions.shapes import expanded, may_expand
from celldsl.semantics.meant import nearest_of
from celldsl.semantics.values import Static, Tensor, Unknown, Value
from celldsl.semantics.walk import Binding, Frame, Stack, a_kind
from celldsl.syntax import ast


def assign(f: Frame, s: ast.Equation, target: ast.Target, value: Value) -> None:
    if target.index is not None:
        _assign_slice(f, s, target, value)
    elif target.primed:
        _assign_next(f, s, target, value)
    else:
        _assign_value(f, s, target, value)


def _assign_value(f: Frame, s: ast.Equation, target: ast.Target, value: Value) -> None:
    old = f.find(target.id)
    if old is None:
        binding = Binding("value", value, target.span, len(f.iterations), f.iteration)
        f.scopes[-1][target.id] = binding
        f.walk.notes.declared[target.span] = ("value", target.id)
        f.hidden.pop(target.id, None)
        return
    if old.kind != "value":
        _refuse(f, target, old)
        return
    if old.depth >= len(f.iterations) or old.rebound is f.iteration:
        _twice(f, target, old.span)
        return
    f.walk.notes.declared[target.span] = ("value", target.id)
    _rebind(f, s, target, old, value)


def _rebind(f: Frame, s: ast.Equation, target: ast.Target, old: Binding, value: Value) -> None:
    """A new value for a name from before the loop, of the same shape."""
    old.rebound = f.iteration
    before = convert.as_tensor(f, old.value, target.span)
    after = convert.as_tensor(f, value, s.value.span)
    if before is None or after is None:
        old.value = Unknown()
        return
    if not f.walk.facts.same_shape(before.shape, after.shape):
        f.error(
            "E0212",
            f"`{target.id}` is {shape_text(before.shape)} before the loop and "
            f"{shape_text(after.shape)} in it",
            target.span,
            secondary=(Label(old.span, f"{shape_text(before.shape)} here"),),
            help="a loop keeps the shape; give the new value another name",
        )
        old.value = Unknown()
        return
    if before.boolean != after.boolean:
        f.error("E0212", f"`{target.id}` is a number on one side of the loop alone", target.span)
        after = None
    old.value = after or Unknown()
    old.span = target.span


def _twice(f: Frame, target: ast.Target, first: Span) -> None:
    f.error(
        "E0102",
        f"`{target.id}` is defined twice",
        target.span,
        secondary=(Label(first, "first here"),) if first != target.span else (),
        help="every value is defined once; give the second one another name",
    )


def _refuse(f: Frame, target: ast.Target, old: Binding) -> None:
    declared = (Label(old.span, "it is declared here"),)
    if old.kind == "state" and not _has_next(f, target.id):
        _ask_prime(f, target, declared)
        return
    f.error(
        "E0105",
        f"`{target.id}` is {a_kind(old.kind)} and cannot be defined",
        target.span,
        secondary=declared,
        help="give the value another name",
    )


def _has_next(f: Frame, state: str) -> bool:
    """Whether the cell has an equation for `h'` too."""
    body = f.walk.cells[-1].body if f.walk.cells else ()
    equations = [s for s in body if isinstance(s, ast.Equation)]
    return any(t.id == state and t.primed for s in equations for t in s.targets)


def _ask_prime(f: Frame, target: ast.Target, declared: tuple[Label, ...]) -> None:
    """`h = …` where `h'` is meant: what goes out is then known to be wrong, not missing."""
    index = "" if target.index is None else f"[{target.index.span.text}]"
    better = f"{target.id}'{index}"
    f.error(
        "E0105",
        f"`{target.id}` is the state that came in and cannot be defined",
        target.span,
        "the state that goes out has a prime",
        secondary=declared,
        help=f"write `{better} = …`, and `{target.id}'` where the new value is read below",
        fix=Fix(target.span, better),
    )
    f.nexts.setdefault(target.id, None)


def _state(f: Frame, target: ast.Target) -> Binding | None:
    """The state that a primed target is of."""
    binding = f.find(target.id)
    if binding is not None and binding.kind == "state":
        return binding
    if binding is None and target.id in f.silenced:
        return None
    is_what = "not declared" if binding is None else a_kind(binding.kind)
    states = [n for scope in f.scopes for n, b in scope.items() if b.kind == "state"]
    near = nearest_of(f, target.id, states) if binding is None else None
    shape = shape_of_value(f, binding)
    help = f"to carry it, declare `state {target.id}: {shape}`" if shape else None
    f.error(
        "E0110",
        f"`{target.id}` is {is_what}, so it has no next value",
        target.span,
        help=f"did you mean `{near}'`?" if near else help,
        fix=Fix(target.span, f"{near}'") if near and target.index is None else None,
    )
    if binding is None:
        f.silenced.add(target.id)
    return None


def shape_of_value(f: Frame, binding: Binding | None) -> str | None:
    """What a state in the place of a value would be."""
    if binding is None:
        return "[H]"
    known = binding.kind == "value" and isinstance(binding.value, Tensor)
    return convert.told(f, binding.value) if known and isinstance(binding.value, Tensor) else None


def _assign_next(f: Frame, s: ast.Equation, target: ast.Target, value: Value) -> None:
    binding = _state(f, target)
    if binding is None:
        return
    if f.iterations:
        f.error(
            "E0312",
            f"`{target.id}'` cannot be defined in a loop",
            target.span,
            "it would have a value for each iteration",
            help=f"rebind a value in the loop, and write `{target.id}' = …` after it; or fill "
            f"`{target.id}'[k]`",
        )
        f.nexts.setdefault(target.id, None)
        return
    _set_next(f, target.id, target.span, s.value, value)


def _set_next(f: Frame, name: str, span: Span, written: ast.Expr, value: Value) -> None:
    place = f.next_spans.get(name)
    if place is not None:
        f.error(
            "E0102",
            f"`{name}'` is defined twice",
            span,
            secondary=(Label(place, "first here"),),
            help="a state has exactly one next value",
        )
        return
    f.next_spans[name] = span
    f.walk.notes.nexts[f.prefix + name] = span.until(written.span)
    binding = f.find(name)
    assert binding is not None
    found = convert.number(f, value, written.span)
    if isinstance(binding.value, Unknown) or found is None:
        f.nexts[name] = None
        return
    assert isinstance(binding.value, Tensor)
    f.nexts[name] = found
    state = f.walk.states[f.prefix + name]
    if f.walk.facts.same_shape(found.shape, state.shape):
        state.next = found.name
    else:
        _explain_next(f, name, span, written, found, binding)
        f.nexts[name] = None


def _explain_next(
    f: Frame, name: str, span: Span, written: ast.Expr, found: Tensor, binding: Binding
) -> None:
    assert isinstance(binding.value, Tensor)
    shape = binding.value.shape
    target = ast.Name(name, span=binding.span)
    help = product_hint(f, written)
    if help is None and not found.shape:
        help = f"to fill it, write `{convert.short(written.span)} * ones({shape_text(shape)})`"
    elif help is None and not shape and len(found.shape) == 1:
        text = convert.short(written.span)
        help = f"declare `state {name}: {shape_text(found.shape)}`, or reduce: `sum({text})`"
    elif help is None and len(found.shape) == len(shape):
        pairs = zip(found.shape, shape, strict=True)
        a, b = next((a, b) for a, b in pairs if not f.walk.facts.equal(a, b))
        help = convert.usual_size(f, a, b) or convert.counterexample(a, b)
    f.error(
        "E0206",
        f"the state `{name}` is {convert.told(f, binding.value)}, and its next value is "
        f"{convert.told(f, found)}",
        written.span,
        f"this is {convert.told(f, found)}",
        secondary=reasons(f, (written, found), (target, binding.value), written.span)
        or (Label(binding.span, f"`{name}` is declared {shape_text(shape)} here"),),
        help=help or None,
    )


def _assign_slice(f: Frame, s: ast.Equation, target: ast.Target, value: Value) -> None:
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
    f.walk.notes.used.add(binding.span)
    _keep_slice(f, s, target, value, variable, binding.value)


def _keep_slice(
    f: Frame, s: ast.Equation, target: ast.Target, value: Value, variable: str, k: Static
) -> None:
    if target.primed and _state(f, target) is None:
        return
    if not target.primed and f.find(target.id) is not None:
        old = f.find(target.id)
        assert old is not None
        if old.kind == "value":
            _twice(f, target, old.span)
        else:
            _refuse(f, target, old)
        return
    key = target.id + "'" * target.primed
    stack = f.stacks.setdefault(key, Stack(variable, 0, target.span, target.primed))
    place = k.size.constant
    assert place is not None
    if place in stack.slices:
        _twice(f, target, stack.span)
        return
    stack.slices[place] = convert.number(f, value, s.value.span)


def close_stacks(f: Frame, loop: ast.For, low: int, high: int) -> None:
    """After a loop: values whose slices it has defined."""
    for key, stack in list(f.stacks.items()):
        if stack.variable != loop.variable.id:
            continue
        name = key.rstrip("'")
        f.later.pop(name, None)
        value = _stacked(f, name, stack, low, high, loop.high.span)
        del f.stacks[key]
        if stack.primed:
            written = ast.Name(name, span=stack.span)
            _set_next(f, name, stack.span, written, value)
            continue
        f.scopes[-1][name] = Binding("value", value, stack.span, len(f.iterations), f.iteration)
        f.walk.notes.declared[stack.span] = ("value", name)


def _stacked(f: Frame, name: str, stack: Stack, low: int, high: int, why: Span) -> Value:
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
    if not all(f.walk.facts.same_shape(shapes[0], shape) for shape in shapes):
        f.error("E0311", f"the slices of `{name}` have different shapes", stack.span)
        return Unknown()
    if not may_expand(f, known[0], stack.span):
        return Unknown()
    rows = [expanded(f, v, 0).name for v in known]
    joined = f.walk.op("concat", *rows, axis=0)
    return Tensor(joined, f.walk.shape(joined), (why, *(known[0].why or ())))
