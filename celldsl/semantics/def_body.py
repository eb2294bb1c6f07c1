"""Functions of the file.  In: a call of a `def`.  Out: what its `return` gives.

    def gate(v, N) = sigmoid(linear(v, N))
    f = gate(x, H)                            parameters f.gate.W_v and f.gate.b

A body is elaborated anew for every call, in a environment of its own: it sees its arguments, the
dims
that annotated shapes bind, and what the file defines.
"""

from __future__ import annotations

from collections.abc import Iterable

from celldsl.diagnostics.diagnostic import Label
from celldsl.diagnostics.span import Span
from celldsl.ir.size import shape_text
from celldsl.semantics import conversions as convert
from celldsl.semantics import sizes as written_sizes
from celldsl.semantics.builtins.function import bind
from celldsl.semantics.context import MAX_DEPTH, Environment, WeightCall
from celldsl.semantics.environment import (
    Binding,
    FunctionValue,
    Several,
    Sharing,
    Static,
    Tensor,
    Unknown,
    Value,
)
from celldsl.semantics.modules import Module
from celldsl.semantics.pairs import NotComplex
from celldsl.semantics.statements import run, spell_later
from celldsl.semantics.wording import outward
from celldsl.syntax import ast


def call_def(f: Environment, function: FunctionValue, e: ast.Call) -> Value:
    definition, home = function.definition, function.home
    assert definition is not None and isinstance(home, Module)
    arguments = _arguments(f, definition, e)
    f.context.count_equation(e.span)
    if arguments is None or _recursive(f, definition, e):
        return Unknown()
    if _is_of_prelude(f, home) and not _numbers(f, arguments, e):
        return Unknown()
    inner = _frame(f, definition, home, e)
    for argument, value in zip(definition.args, arguments, strict=True):
        own = inner.named(value, argument.span)
        inner.scopes[0][argument.id] = Binding("argument", own, argument.span)
    for argument, value in zip(definition.args, arguments, strict=True):
        if argument.shape is not None and not _annotate(inner, argument, value):
            return Unknown()
    f.context.calls.append(definition.name.id)
    before = len(f.context.params)
    try:
        value = body(inner, definition)
        if len(f.context.params) > before and inner.sharing is None:
            _note_weights(f, definition, arguments, value, e)
        if home.path is None and home is not f.home:
            _note(f, definition, arguments, value)
        return outward(value, definition.span, _written(definition, e), e.span)
    finally:
        f.context.calls.pop()


def _note_weights(
    f: Environment, definition: ast.Def, arguments: list[Value], value: Value, e: ast.Call
) -> None:
    """A call that made weights of its own, for the warning about those that were to be shared."""
    given = _parts(f, arguments)
    gave = _parts(f, value.items if isinstance(value, Several) else (value,))
    looped = bool(f.iterations) and not f.in_function
    made = WeightCall(e.span, e.name_span, definition.name.id, looped, given, gave)
    f.context.weight_calls.setdefault(definition.name.span, []).append(made)


def _parts(f: Environment, values: Iterable[Value]) -> tuple[str, ...]:
    """The real values that values are made of."""
    return tuple(part for v in values if isinstance(v, Tensor) for part in f.context.parts(v.name))


def _note(f: Environment, definition: ast.Def, arguments: list[Value], value: Value) -> None:
    """A function of the prelude is shown by its name."""
    args = [a.name for a in arguments if isinstance(a, Tensor)]
    if isinstance(value, Tensor) and len(args) == len(arguments):
        f.context.composed(value.name, definition.name.id, *args)


def _is_of_prelude(f: Environment, home: Module) -> bool:
    """Whether a function that is called here is one of the language, and not in a file."""
    return home.path is None and home is not f.home


def _written(definition: ast.Def, e: ast.Call) -> dict[str, Span]:
    """Where each argument was written."""
    places = {a.id: w.span for a, w in zip(definition.args, e.args, strict=False)}
    return places | {keyword.name: keyword.value.span for keyword in e.keywords}


def _arguments(f: Environment, definition: ast.Def, e: ast.Call) -> list[Value] | None:
    signature = ", ".join(argument.id for argument in definition.args)
    bound = bind(f, e, signature, definition.name.id)
    if bound is None:
        return None
    written = [bound[argument.id] for argument in definition.args]
    return [f.elaborate(w) for w in written if w is not None]


def _numbers(f: Environment, arguments: list[Value], e: ast.Call) -> bool:
    """Functions of the prelude take numbers; what is none is told here, not inside them."""
    spans = [a.span for a in e.args] + [k.value.span for k in e.keywords]
    found = [convert.number(f, v, span) for v, span in zip(arguments, spans, strict=True)]
    if any(v is not None and f.context.is_complex(v.name) for v in found):
        raise NotComplex(e.function)
    return None not in found


def _recursive(f: Environment, definition: ast.Def, e: ast.Call) -> bool:
    name = definition.name.id
    if len(f.context.calls) >= MAX_DEPTH:
        f.error("E0303", f"calls nest more than {MAX_DEPTH} deep", e.span, "one level too many")
        return True
    if name not in f.context.calls:
        return False
    circle = [*f.context.calls[f.context.calls.index(name) :], name]
    f.error("E0307", f"`{name}` calls itself: {' -> '.join(circle)}", e.name_span)
    return True


def _frame(f: Environment, definition: ast.Def, home: Module, e: ast.Call) -> Environment:
    name = definition.name.id
    place, sharing = f"{f.place}.{name}" if f.place else "", f.sharing
    if definition.shared and f.place:
        place, sharing = f"{f.cell_base}{name}", Sharing(f"the function `{name}`")
    return Environment(
        f.context,
        home,
        [{}],
        base=f"{place}." if place else "",
        cell_base=f.cell_base,
        sharing=sharing,
        place=place,
        around=f.where().loops,
        frames=f.where().frames,
        in_function=True,
        only_initial=f.only_initial,
        target=f.target,
        called=f.called or e.span,
        later=spell_later(definition.body),
        unseen=f.unseen or _is_of_prelude(f, home),
    )


def _annotate(f: Environment, argument: ast.Argument, value: Value) -> bool:
    """Bind the dims of `v: [N]`, and check those that are bound already."""
    if isinstance(value, Unknown):
        return False
    assert argument.shape is not None
    found = convert.as_tensor(f, value, argument.span)
    if found is None:
        return False
    items = argument.shape.items
    if len(items) != len(found.shape):
        _mismatch(f, argument, found)
        return False
    for item, size in zip(items, found.shape, strict=True):
        if isinstance(item, ast.Name) and f.find(item.id) is None:
            f.scopes[0][item.id] = Binding("dim", Static(size), item.span)
            continue
        wanted = written_sizes.size(f, item, "a size")
        if wanted is None:
            return False
        if not f.context.constraints.equal(wanted, size):
            _mismatch(f, argument, found)
            return False
    return True


def _mismatch(f: Environment, argument: ast.Argument, found: Tensor) -> None:
    assert argument.shape is not None
    wanted = argument.shape.span.text
    sizes = [
        (item.id, f.find(item.id)) for item in argument.shape.items if isinstance(item, ast.Name)
    ]
    bound = [f"{n} is {b.value.size}" for n, b in sizes if b and isinstance(b.value, Static)]
    where = f", where {' and '.join(bound)}," if bound else ""
    f.error(
        "E0203",
        f"`{argument.id}` is declared {wanted}{where} and gets {shape_text(found.shape)}",
        f.called or argument.span,
        secondary=(Label(argument.span, "it is declared here"),),
    )


def body(f: Environment, definition: ast.Def) -> Value:
    """Run the statements; `return` has left the values."""
    place = f.place
    run(f, tuple(s for s in definition.body if not isinstance(s, ast.Return)))
    f.place, f.made = place, {}
    final = definition.body[-1] if definition.body else None
    if not isinstance(final, ast.Return):
        span: Span = definition.name.span
        told = f"`{definition.name.id}` ends without a `return`"
        f.error("E0304", told, span, help="end it with `return` and the value that it gives")
        return Unknown()
    values = tuple(f.elaborate(value) for value in final.values)
    return values[0] if len(values) == 1 else Several(values)
