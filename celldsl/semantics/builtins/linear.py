"""`linear`, `group_linear` and `conv`.  In: operands and a width.  Out: products plus a bias.

    linear([x, h], N)       x @ W_x + h @ W_h + b
    linear(x, [N, K])       the same of width N*K, as N rows of K

One block for every operand, one bias for all.  Blocks whose operand depends on a state begin
orthogonal, others by Glorot's rule; biases at zero.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile

from celldsl.diagnostics.diagnostic import Fix
from celldsl.diagnostics.span import Span
from celldsl.ir.size import Shape, Size, product
from celldsl.semantics import conversions as convert
from celldsl.semantics import sizes as written_sizes
from celldsl.semantics.builtins import operands as kinds
from celldsl.semantics.builtins.function import Bound, Function, given, plain_name
from celldsl.semantics.builtins.operands import Block
from celldsl.semantics.context import Environment
from celldsl.semantics.conversions import data_in
from celldsl.semantics.declarations import bias_initial, block_initial, claim, claim_name, parameter
from celldsl.semantics.environment import Target, Tensor, Unknown, Value
from celldsl.structs import record
from celldsl.syntax import ast

Apply = Callable[[Environment, Tensor, ast.Expr], "Block | None"]


@record
class Kind:
    """How one operand is multiplied, and where the bias goes in the result."""

    apply: Apply
    width: Size
    bias: Callable[[Shape], Shape]
    why: Span


@record
class Operand:
    """One of the operands; where any of them is complex, all blocks are."""

    place: int
    written: ast.Expr
    value: Tensor
    complex_block: bool


def _operands(f: Environment, a: Bound) -> list[tuple[ast.Expr, Tensor | None]]:
    written = given(a, "v")
    items = written.items if isinstance(written, ast.ListOf) else (written,)
    return [(item, convert.tensor(f, item)) for item in items]


def _build(f: Environment, e: ast.Call, a: Bound, kind: Kind | None) -> Value:
    if not claim(f, e.name_span):
        return Unknown()
    operands = _operands(f, a)
    if kind is None or not operands:
        return Unknown()
    total: Tensor | None = None
    of_pairs = any(v is not None and f.context.is_complex(v.name) for _, v in operands)
    for place, (written, value) in enumerate(operands):
        if value is None:
            return Unknown()
        product = _product(f, e, a, kind, Operand(place, written, value, of_pairs))
        if product is None:
            return Unknown()
        total = product if total is None else _added(f, e, total, product)
        if total is None:
            return Unknown()
    assert total is not None
    return _with_bias(f, e, a, kind, total)


def _product(f: Environment, e: ast.Call, a: Bound, kind: Kind, operand: Operand) -> Tensor | None:
    """One operand times its block."""
    written, value = operand.written, operand.value
    block = kind.apply(f, value, written)
    if block is None:
        return None
    suffix = plain_name(written)
    name = f"{f.place}.W_{operand.place if suffix is None else suffix}"
    stateful = value.name in f.context.from_state
    target = Target(block.shape, name, block.fan_in, block.fan_out, complex=operand.complex_block)
    initial = block_initial(f, a["init"], stateful, target, e.span)
    if f.made.get(name) != e.name_span and not claim_name(f, name, e.name_span):
        return None
    weight = parameter(f, target, written.span, initial)
    if weight is None:
        return None
    result = block.multiply(block.operand, weight)
    why = value.why or (None,) * len(value.shape)
    return Tensor(
        result, f.context.shape(result), kinds.reasons(why, f.context.shape(result), kind.why)
    )


def _added(f: Environment, e: ast.Call, total: Tensor, product: Tensor) -> Tensor | None:
    if not f.context.constraints.same_shape(total.shape, product.shape):
        f.error(
            "E0203",
            f"the operands of `{e.function}` have different leading axes",
            e.span,
            f"{kinds.text(total.shape)} and {kinds.text(product.shape)}",
        )
        return None
    return Tensor(f.context.op("add", total.name, product.name), total.shape, total.why)


def _with_bias(f: Environment, e: ast.Call, a: Bound, kind: Kind, total: Tensor) -> Value:
    name, width = f"{f.place}.b", kind.width
    target = Target((width,), name, width, width, complex=f.context.is_complex(total.name))
    initial = bias_initial(f, a["bias"], target)
    if initial is None:
        return total
    if not claim_name(f, name, e.name_span):
        return Unknown()
    bias = parameter(f, target, (a["bias"] or e).span, initial)
    if bias is None:
        return Unknown()
    if len(total.shape) > 1:
        laid = f.context.op("reshape", bias, shape=kind.bias(total.shape))
        bias = f.context.op("broadcast", laid, shape=total.shape)
    return Tensor(f.context.op("add", total.name, bias), total.shape, total.why)


def _last(shape: Shape) -> Shape:
    """The bias of a product over the last axis, as an array of the result's rank."""
    return (*(Size.of(1) for _ in shape[:-1]), shape[-1])


def _first(shape: Shape) -> Shape:
    return (shape[0], *(Size.of(1) for _ in shape[1:]))


def _other_order(f: Environment, e: ast.Call, a: Bound) -> bool:
    """`linear(H, [x, h])`, `linear(x, h, H)`, and PyTorch's `Linear(I, H)`, given a value:
    `linear(x, I, H)`."""
    if len(e.args) < 2:
        return False
    first, second, third = given(a, "v"), given(a, "N"), a["bias"]
    better, told = "", ""
    if data_in(f, first) and _has_data(f, second):
        return _apart(f, e)
    if _has_data(f, second) and not _listed(first):
        better = f"linear({second.span.text}, {first.span.text}{_options(e, 2)})"
        told = "`linear` takes the operands first and the width second"
    elif isinstance(third, ast.Name) and len(e.args) > 2 and _is_dim(f, third):
        better = f"linear({first.span.text}, {third.span.text}{_options(e, 3)})"
        told = "`linear` knows how wide its operands are"
        if not _is_own_width(f, first, second):
            rows = f"linear({first.span.text}, [{second.span.text}, {third.span.text}]"
            help = f"write `{rows}{_options(e, 3)})` for a value of two axes"
            f.error("E0125", "a shape that `linear` gives is a list", e.span, help=help)
            return True
    if better:
        f.error("E0125", told, e.span, help=f"write `{better}`", fix=Fix(e.span, better))
    return bool(better)


def _is_own_width(f: Environment, operand: ast.Expr, width: ast.Expr) -> bool:
    """Whether that is how wide the operand is; so it may be where the operand is no plain name."""
    value = convert.tensor(f, operand) if isinstance(operand, ast.Name) else None
    return value is None or value.shape[-1:] == (written_sizes.size(f, width, "a width"),)


def _apart(f: Environment, e: ast.Call) -> bool:
    """Operands that stand side by side instead of in a list."""
    told = "the operands of `linear` go in a list, and its width comes after it"
    operands = list(takewhile(lambda arg: _has_data(f, arg), e.args))
    items = (i for o in operands for i in (o.items if isinstance(o, ast.ListOf) else (o,)))
    listed = ", ".join(item.span.text for item in items)
    whole = len(operands) < len(e.args)
    width = e.args[len(operands)].span.text if whole else "N"
    better = f"linear([{listed}], {width}{_options(e, len(operands) + 1)})"
    where = "" if whole else ", with the width that you want for `N`"
    fix = Fix(e.span, better) if whole else None
    f.error("E0125", told, e.span, help=f"write `{better}`{where}", fix=fix)
    return True


def _options(e: ast.Call, first: int) -> str:
    """What follows the width, as it is written."""
    return "".join(f", {arg.span.text}" for arg in (*e.args[first:], *e.keywords))


def _has_data(f: Environment, e: ast.Expr) -> bool:
    items = e.items if isinstance(e, ast.ListOf) else (e,)
    return bool(items) and all(data_in(f, item) for item in items)


def _listed(e: ast.Expr) -> bool:
    return isinstance(e, ast.ListOf)


def _is_dim(f: Environment, name: ast.Name) -> bool:
    binding = f.find(name.id)
    return binding is not None and binding.kind == "dim"


def _linear(f: Environment, e: ast.Call, a: Bound) -> Value:
    if _other_order(f, e, a):
        return Unknown()
    written = given(a, "N")
    axes: Shape | None = None
    if isinstance(written, ast.ListOf):
        axes = written_sizes.shape(f, written, "the shape that `linear` gives")
        width = None if axes is None else product(axes)
    else:
        width = written_sizes.positive_size(f, written, "the width of `linear`")
    kind = None
    if width is not None:
        kind = Kind(lambda f, v, w: kinds.dense(f, v, width), width, _last, written.span)
    found = _build(f, e, a, kind)
    return found if axes is None or not isinstance(found, Tensor) else _folded(f, e, found, axes)


def _folded(f: Environment, e: ast.Call, found: Tensor, axes: Shape) -> Value:
    """The width as several axes, or none: the weights stay those of one width."""
    shape = (*found.shape[:-1], *axes)
    most = written_sizes.MAX_AXES
    if len(shape) > most:
        told = f"a value has at most {most} axes, and this one has {len(shape)}"
        f.error("E0210", told, e.span)
        return Unknown()
    lead = (found.why or (None,) * len(found.shape))[:-1]
    listed = (found.why or (e.span,))[-1]
    name = f.context.op("reshape", found.name, shape=shape)
    return Tensor(name, shape, (*lead, *(listed for _ in axes)))


def _group_linear(f: Environment, e: ast.Call, a: Bound) -> Value:
    written = given(a, "N")
    width = written_sizes.positive_size(f, written, "the width of `group_linear`")
    groups = written_sizes.positive_size(f, given(a, "groups"), "the number of groups")
    kind = None
    if width is not None and groups is not None:
        kind = Kind(
            lambda f, v, w: kinds.grouped(f, v, width, groups, w, given(a, "N")),
            width, _last, written.span,
        )  # fmt: skip
    return _build(f, e, a, kind)


def _conv(f: Environment, e: ast.Call, a: Bound) -> Value:
    written = given(a, "channels")
    channels = written_sizes.positive_size(f, written, "the number of channels")
    kernel = kinds.kernel_sizes(f, given(a, "kernel"))
    groups = Size.of(1)
    if a["groups"] is not None:
        found = written_sizes.positive_size(f, given(a, "groups"), "the number of groups")
        if found is None:
            return _build(f, e, a, None)
        groups = found
    kind = None
    if channels is not None and kernel is not None:
        kind = Kind(
            lambda f, v, w: kinds.convolved(
                f, v, channels, kernel, w, kinds.Groups(groups, w, written)
            ),
            channels, _first, written.span,
        )  # fmt: skip
    return _build(f, e, a, kind)


ENTRIES = (
    Function("linear", "v, N, bias=true, init=", "v @ W + b, or the sum of such over a list; "
             "N is a width, or a shape of as many elements",
             _linear),
    Function("group_linear", "v, N, groups, bias=true, init=", "a `linear` for every group of "
             "elements", _group_linear),
    Function("conv", "v, channels, kernel, bias=true, init=, groups=1", "cross-correlation over "
             "[C, L] or [C, Y, X], zero-padded to the same size", _conv),
)  # fmt: skip
