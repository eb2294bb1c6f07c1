"""`grad`.  In: one number and names of values.  Out: its gradients with respect to them.

    dW = grad(loss, W)
    dW, db = grad(loss, [W, b])

What the loss is computed with besides is held fixed.  `W` is a name, since it says at which place
the loss is to change: everything that was computed with that name from there on.  A value that
something is differentiated with respect to is a node of its own.  Where that turns out at `grad`,
the walk over the cell begins again.
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Fix, Label
from celldsl.diagnostics.span import Span
from celldsl.ir.gradients import between
from celldsl.ir.ops.table import OPS
from celldsl.semantics import conversions as convert
from celldsl.semantics import wording
from celldsl.semantics.builtins.function import Bound, Function, given
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import (
    Binding,
    FunctionValue,
    Several,
    Tensor,
    Unknown,
    Value,
    a_kind,
)
from celldsl.syntax import ast

CODE = "E0218"
VARIED = ("input", "state", "param", "const", "value", "argument")


def _grad(f: Environment, e: ast.Call, a: Bound) -> Value:
    if f.only_initial:
        f.error("E0403", f"`{e.function}` cannot stand in {f.only_initial}", e.span)
        return Unknown()
    loss, written = _loss(f, e, given(a, "loss")), given(a, "wrt")
    names = written.items if isinstance(written, ast.ListOf) else (written,)
    if not names:
        told, help = (
            "a gradient is with respect to a name, and there is none",
            "such as `grad(loss, W)`",
        )
        f.error(CODE, told, written.span, help=help)
    known = [_varied(f, e, a, name) for name in names]
    wrt = [value for value in known if value is not None]
    if loss is None or not names or len(wrt) < len(names):
        return Unknown()
    found = f.context.gradients(loss.name, [value.name for value in wrt])
    items: list[Value] = []
    for name, value, gradient in zip(names, wrt, found, strict=True):
        if gradient is None:
            _independent(f, e, a, loss, name, value)
            items.append(Unknown())
        else:
            items.append(Tensor(gradient, value.shape, value.why))
    return items[0] if len(items) == 1 else Several(tuple(items))


# ---------------------------------------------------------------- the loss


def _loss(f: Environment, e: ast.Call, written: ast.Expr) -> Tensor | None:
    value = f.elaborate(written)
    if isinstance(value, FunctionValue):
        told = f"`{e.function}` takes the value of a loss, and `{written.span.text}` is a function"
        rest = ", ".join(arg.span.text for arg in e.args[1:])
        better = f"{e.function}({written.span.text}({rest}), {rest})"
        f.error(CODE, told, written.span, help=f"call it: `{wording.short_text(better)}`")
        return None
    loss = convert.number(f, value, written.span)
    if loss is not None and convert.refuse_complex(f, loss, written.span):
        return None
    if loss is None or not loss.shape:
        return loss
    text, told = wording.short(written.span), wording.told(f, loss)
    told = f"a gradient is that of one number, and `{text}` is {told}"
    help = f"add it up: `{e.function}({_summed(text, len(loss.shape))}, …)`"
    fix = Fix(written.span, _summed(written.span.text, len(loss.shape)))
    number = _number_behind(f, e)
    if number is not None and isinstance(written, ast.Name):
        better = f"{e.function}({number}, {text})"
        help, fix = f"the number stands first: `{better}`", Fix(e.span, better)
    f.error(CODE, told, written.span, help=help, fix=fix)
    return None


def _number_behind(f: Environment, e: ast.Call) -> str | None:
    """`grad(W, loss)`: the name behind, where it is of a value without axes."""
    match e.args:
        case (_, ast.Name(id, primed=False)):
            binding = f.find(id)
            value = None if binding is None or binding.kind != "value" else binding.value
            return id if isinstance(value, Tensor) and not value.shape else None
    return None


def _summed(text: str, rank: int) -> str:
    return "sum(" * rank + text + ")" * rank


# ---------------------------------------------------------------- with respect to what


def _varied(f: Environment, e: ast.Call, a: Bound, written: ast.Expr) -> Tensor | None:
    """The value of a name, as a node of its own."""
    binding = f.find(written.id) if isinstance(written, ast.Name) else None
    if binding is not None and binding.kind not in VARIED:
        _not_varied(f, written, binding)
        return None
    if not isinstance(written, ast.Name | ast.Attribute):
        _no_name(f, e, a, written)
        return None
    value = f.elaborate(written)
    if isinstance(value, Unknown):
        return None
    if not isinstance(value, Tensor) or value.boolean or value.limit is not None:
        _no_number(f, written, value)
        return None
    if isinstance(written, ast.Attribute):
        if value.name in f.context.leaves or value.name in f.context.arrays:
            return value
        _of_inner(f, e, a, written)
        return None
    assert binding is not None
    return _own(f, written, binding, value)


def _own(f: Environment, name: ast.Name, binding: Binding, value: Tensor) -> Tensor:
    """A leaf is one value; what an equation or a call gives may be equal to others.

    The walk that finds out goes on to its end, and another one begins.
    """
    if not name.primed and value.name == _leaf_of(f, name, binding):
        return value
    span = f.next_spans[name.id] if name.primed else binding.span
    f.context.usage.varied.add(span)
    return value


def _leaf_of(f: Environment, name: ast.Name, binding: Binding) -> str | None:
    """The leaf that was declared by this name, and by none in a cell around."""
    if binding.kind in ("param", "const"):
        return binding.value.name if isinstance(binding.value, Tensor) else None
    if binding.kind not in ("input", "state"):
        return None
    return f.context.value_of(f.prefix + name.id)


def _not_varied(f: Environment, written: ast.Expr, binding: Binding) -> None:
    text = written.span.text
    help = None
    if binding.kind == "hyper":
        help = f"give the number a name, and compute the loss with that: `a = {text}`"
    told = f"`{text}` is {a_kind(binding.kind)}: there is no gradient with respect to it"
    f.error(CODE, told, written.span, help=help)


def _no_number(f: Environment, written: ast.Expr, value: Value) -> None:
    text, help = written.span.text, None
    kind = "a number that is fixed before a cell runs"
    if isinstance(value, Tensor):
        kind = "true or false" if value.boolean else "an integer that picks"
    if isinstance(value, Tensor) and not value.boolean:
        help = f"what it picks has one: `v = E[{text}]`, and a loss that is computed with `v`"
    told = f"`{text}` is {kind}: there is no gradient with respect to it"
    f.error(CODE, told, written.span, help=help)


def _no_name(f: Environment, e: ast.Call, a: Bound, written: ast.Expr) -> None:
    """`grad(loss, W[0])`, `grad(loss, 2 * W)`: nothing was computed with this very value."""
    loss, text = given(a, "loss").span.text, wording.short(written.span)
    help = f"give it a name, and compute the loss with that: `v = {text}`"
    fix = None
    if isinstance(written, ast.String):
        help = f"a name stands without quotes: `{e.function}({loss}, {written.value})`"
    if isinstance(written, ast.Index) and isinstance(written.value, ast.Name):
        name = written.value.span.text
        index = written.span.text[len(name) :]
        better = f"{e.function}({loss}, {name}){index}"
        help, fix = f"write `{wording.short_text(better)}`", Fix(e.span, better)
    f.error(
        CODE,
        f"`{text}` is an expression, and a gradient is with respect to a name",
        written.span,
        "nothing is computed with it, but with the names in it",
        help=help,
        fix=fix,
    )


def _of_inner(f: Environment, e: ast.Call, a: Bound, written: ast.Attribute) -> None:
    """What an inner cell made is also the value of an output, or of a name in there."""
    text, loss = written.span.text, wording.short(given(a, "loss").span)
    told = f"`{text}` has no name of this cell's own"
    help = f"give it one, and compute `{loss}` with that: `v = {text}`"
    f.error(CODE, told, written.span, help=help)


# ---------------------------------------------------------------- no way between the two


def _independent(
    f: Environment, e: ast.Call, a: Bound, loss: Tensor, name: ast.Expr, value: Tensor
) -> None:
    text, whole = wording.short(given(a, "loss").span), name.span.text
    nodes = between(f.context.builder, loss.name, f.context.varied(value.name))
    if nodes or loss.name == value.name:
        flat = [n.op for n in nodes if OPS[n.op].flat or n.op == "stop_gradient"]
        through = " and ".join(f"`{op}`" for op in dict.fromkeys(flat)) or "a comparison"
        told = f"no gradient of `{text}` gets to `{whole}`"
        label = f"every way between them goes through {through}"
        f.error(CODE, told, name.span, label, help="give it one by `surrogate(value, path)`")
        return
    help, fix, labels = _meant(f, loss, name)
    told = f"`{text}` is not computed with `{whole}`, so its gradient is zero"
    f.error(CODE, told, name.span, secondary=labels, help=help, fix=fix)


def _meant(
    f: Environment, loss: Tensor, name: ast.Expr
) -> tuple[str | None, Fix | None, tuple[Label, ...]]:
    """The other one of `W` and `W'`; an earlier value of that name; or what there is."""
    assert isinstance(name, ast.Name | ast.Attribute)
    if isinstance(name, ast.Name):
        other = ast.Name(name.id, not name.primed, span=name.span)
        if _computed_with(f, loss, other):
            shown = name.id + "'" * other.primed
            return f"it is computed with `{shown}`", Fix(name.span, shown), ()
        earlier = _earlier(f, loss, name)
        if earlier is not None:
            labels = (Label(earlier, f"`{name.id}` has another value from here on"),)
            return f"compute the loss with this `{name.id}`", None, labels
    names = [n for scope in f.scopes for n, b in scope.items() if _reaches(f, loss, b)]
    listed = ", ".join(f"`{n}`" for n in names[:4])
    return (f"it is computed with {listed}" if names else None), None, ()


def _computed_with(f: Environment, loss: Tensor, name: ast.Name) -> bool:
    binding = f.find(name.id)
    if binding is None or binding.kind != "state":
        return False
    value = f.nexts.get(name.id) if name.primed else binding.value
    return isinstance(value, Tensor) and bool(_ways(f, loss, value.name))


def _reaches(f: Environment, loss: Tensor, b: Binding) -> bool:
    return (
        b.kind in VARIED
        and isinstance(b.value, Tensor)
        and not (b.value.boolean or b.value.limit)
        and b.value.name != loss.name
        and bool(_ways(f, loss, b.value.name))
    )


def _ways(f: Environment, loss: Tensor, value: str) -> bool:
    reals = f.context.varied(value)
    return loss.name in reals or bool(between(f.context.builder, loss.name, reals))


def _earlier(f: Environment, loss: Tensor, name: ast.Name) -> Span | None:
    """Where a name got its present value, if the loss is computed with an earlier one."""
    binding = f.find(name.id)
    definitions = [d for d in f.context.notes.definitions if d.name == name.id and not d.primed]
    if binding is None or name.primed or len(definitions) < 2:
        return None
    return binding.span if any(_ways(f, loss, d.value) for d in definitions) else None


ENTRIES = (
    Function("grad", "loss, wrt", "the gradient of one number with respect to a name", _grad,
             too_many="with respect to several values at once: `grad(loss, [W, b])`"),
)  # fmt: skip
