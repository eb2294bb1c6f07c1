"""Products.  In: two tensors.  Out: one einsum, or which sizes do not meet.

    W @ x        [m, n] @ [n]              "ij,j->i"
    q @ S        [n] @ [n, m]              "i,ij->j"
    S @ A        [d, m, n] @ [d, n, k]     "aij,ajk->aik"
    q @ S        [n] @ [d, n, m]           "i,aij->aj"

Axes ahead of the last two stand beside each other as in broadcasting: one of size 1 stretches, and
those that one side alone has are kept.

    contract(f, (S, "nvk"), (q, "nk"), "nv")          einsum(S, q) spec="nvk,nk->nv"
    summed(f, (S, "nvk"), "nk")                       sum(S, axis=1)

A size that is written as 1 stretches, as everywhere, where another operand has the label too.
"""

from __future__ import annotations

from celldsl.diagnostics.span import Span
from celldsl.ir.size import Shape, Size, shape_text
from celldsl.semantics import wording
from celldsl.semantics.broadcast import ambiguous, meet, reasons
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import Tensor, Unknown, Value
from celldsl.semantics.wording import short
from celldsl.syntax import ast

LEADING = "abcd"


def matmul(f: Environment, e: ast.Binary, a: Tensor, b: Tensor) -> Value:
    """NumPy's `@`."""
    if not a.shape or not b.shape:
        _explain_scalar(f, e, a, b)
        return Unknown()
    if not f.context.constraints.equal(a.shape[-1], b.shape[_inner(b)]):
        _explain(f, e, a, b)
        return Unknown()
    left, right = a.shape[:-2], b.shape[:-2]
    if not meet(f.context.constraints, left, right) or ambiguous(f, *_by_length(left, right)):
        _explain_leading(f, e, a, b)
        return Unknown()
    letters = LEADING[: max(len(left), len(right))]
    rows = "ij"[-min(len(a.shape), 2) :] if len(a.shape) > 1 else "i"
    columns = ("ij" if rows == "i" else "jk")[: min(len(b.shape), 2)]
    one = letters[len(letters) - len(left) :] + rows
    other = letters[len(letters) - len(right) :] + columns
    return contract(f, (a, one), (b, other), letters + rows[:-1] + columns[1:])


def _inner(b: Tensor) -> int:
    """The axis of the right side that is summed."""
    return max(len(b.shape) - 2, 0)


def _by_length(left: Shape, right: Shape) -> tuple[Shape, Shape]:
    return (left, right) if len(left) >= len(right) else (right, left)


def _explain_scalar(f: Environment, e: ast.Binary, a: Tensor, b: Tensor) -> None:
    left, right = wording.short(e.left.span), wording.short(e.right.span)
    f.error(
        "E0204",
        f"`@` takes vectors and matrices: `{left}` is {wording.told(f, a)}, `{right}` is "
        f"{wording.told(f, b)}",
        e.span,
        help=f"to scale, write `{left} * {right}`",
    )


def _explain(f: Environment, e: ast.Binary, a: Tensor, b: Tensor) -> None:
    left, right = wording.short(e.left.span), wording.short(e.right.span)
    label = f"`{left}` is {wording.told(f, a)}, `{right}` is {wording.told(f, b)}"
    inner = wording.axis_told(f, a.shape[-1], _padded(a)[-1])
    outer = wording.axis_told(f, b.shape[_inner(b)], _padded(b)[_inner(b)])
    f.error(
        "E0204",
        f"`@` needs {inner} and {outer} to be the same in `{wording.short(e.span)}`",
        e.span,
        label,
        secondary=reasons(f, (e.left, a), (e.right, b), e.span),
        help=_help(f, e, a, b),
    )


def _explain_leading(f: Environment, e: ast.Binary, a: Tensor, b: Tensor) -> None:
    """The last axes meet, and those ahead of them do not."""
    left, right = (shape_text(value.shape[:-2]) for value in (a, b))
    label = f"`{wording.short(e.left.span)}` is {wording.told(f, a)}, "
    label += f"`{wording.short(e.right.span)}` is {wording.told(f, b)}"
    told = f"the axes ahead of a product do not meet: {left} and {right}"
    if meet(f.context.constraints, a.shape[:-2], b.shape[:-2]):
        short, long = sorted((left, right), key=len)
        told = f"{short} ahead of a product stands beside {long}, and fits in more than one place"
    f.error(
        "E0204",
        told,
        e.span,
        label,
        secondary=reasons(f, (e.left, a), (e.right, b), e.span),
        help=spelled(f, (e.left, a), (e.right, b)),
    )


def _padded(value: Tensor) -> tuple[Span | None, ...]:
    return value.why or (None,) * len(value.shape)


def _help(f: Environment, e: ast.Binary, a: Tensor, b: Tensor) -> str | None:
    left, right = wording.short(e.left.span), wording.short(e.right.span)
    equal = f.context.constraints.equal
    if f.context.constraints.same_shape(a.shape, b.shape) and len(a.shape) == 2:
        rows = f'einsum("{"".join(_letters(a.shape))},{"".join(_letters(a.shape))}->'
        rows += f'{_letters(a.shape)[0]}", {left}, {right})'
        return f"elementwise is `{left} * {right}`, a number for each row `{rows}`"
    if max(len(a.shape), len(b.shape)) > 2:
        named = spelled(f, (e.left, a), (e.right, b))
        return named or wording.counterexample(a.shape[-1], b.shape[_inner(b)]) or None
    if equal(b.shape[-1], a.shape[0]):
        return f"the other way round fits: `{right} @ {left}`"
    if len(a.shape) == 2 and equal(a.shape[0], b.shape[0]):
        return f"transposed it fits: `transpose({left}) @ {right}`"
    if len(b.shape) == 2 and equal(a.shape[-1], b.shape[1]):
        return f"transposed it fits: `{left} @ transpose({right})`"
    sizes: tuple[Size, Size] = (a.shape[-1], b.shape[0])
    return wording.counterexample(*sizes) or None


# ---------------------------------------------------------------- sums over named axes

ONE = Size.of(1)
LETTERS = "abcdefghijklmnopqrstuvwxyz"
Labelled = tuple[Tensor, str]
Operand = tuple[ast.Expr, Tensor]


def contract(f: Environment, a: Labelled, b: Labelled, out: str) -> Tensor:
    """The product of two, summed over the labels that are not in `out`."""
    left, right = _squeezed(f, a, b), _squeezed(f, b, a)
    spec = f"{left[1]},{right[1]}->{out}"
    name = f.context.op("einsum", left[0].name, right[0].name, spec=spec)
    reasons = {**_reasons(*right), **_reasons(*left)}
    return Tensor(name, f.context.shape(name), tuple(reasons[label] for label in out))


def summed(f: Environment, a: Labelled, out: str) -> Tensor:
    """One tensor with the labels of `out` alone, in their order."""
    value, labels = a
    name, reasons = value.name, _reasons(value, labels)
    for axis in reversed(range(len(labels))):
        if labels[axis] not in out:
            name = f.context.op("sum", name, axis=axis)
            labels = labels[:axis] + labels[axis + 1 :]
    perm = tuple(labels.index(label) for label in out)
    if perm != tuple(range(len(out))):
        name = f.context.op("transpose", name, perm=perm)
    return Tensor(name, f.context.shape(name), tuple(reasons[label] for label in out))


def _squeezed(f: Environment, a: Labelled, other: Labelled) -> Labelled:
    """The tensor without axes of size 1 along which the other one is longer."""
    value, labels = a
    longer = {x for x, size in zip(other[1], other[0].shape, strict=True) if size != ONE}
    axes = zip(labels, value.shape, strict=True)
    kept = [i for i, (x, size) in enumerate(axes) if size != ONE or x not in longer]
    if len(kept) == len(labels):
        return a
    shape = tuple(value.shape[i] for i in kept)
    why = value.why or (None,) * len(value.shape)
    name = f.context.op("reshape", value.name, shape=shape)
    return Tensor(name, shape, tuple(why[i] for i in kept)), "".join(labels[i] for i in kept)


def _reasons(value: Tensor, labels: str) -> dict[str, Span | None]:
    """Where the size of each label was written."""
    return dict(zip(labels, value.why or (None,) * len(labels), strict=True))


def spelled(f: Environment, a: Operand, b: Operand, summed: bool = True) -> str | None:
    """The `einsum` that is probably meant: of the axes that both have, the last is summed."""
    (one, left), (other, right) = a, b
    names = _letters((*left.shape, *right.shape))
    here, there = names[: len(left.shape)], [""] * len(right.shape)
    free = list(range(len(left.shape)))
    for place, size in enumerate(right.shape):
        found = next((i for i in free if f.context.constraints.equal(left.shape[i], size)), None)
        if found is not None:
            there[place] = here[found]
            free = [i for i in free if i > found]
    shared = [x for x in there if x]
    if not shared:
        return None
    there = [x or names[len(here) + place] for place, x in enumerate(there)]
    gone = shared[-1] if summed else ""
    out = [x for x in dict.fromkeys([*here, *there]) if x != gone]
    spec = f"{''.join(here)},{''.join(there)}->{''.join(out)}"
    return f'by the names of axes: `einsum("{spec}", {short(one.span)}, {short(other.span)})`'


def _letters(shape: Shape) -> list[str]:
    """A letter for each axis: that of its dim where it is one and no other has it."""
    found: list[str] = []
    spare = iter(x for x in LETTERS if x not in {str(size).lower() for size in shape})
    for size in shape:
        own = str(size).lower()
        found.append(own if len(own) == 1 and own in LETTERS and own not in found else next(spare))
    return found
