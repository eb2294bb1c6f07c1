"""Products.  In: two tensors.  Out: one einsum, or which sizes do not meet.

W @ x        [m, n] @ [n]              "ij,j->i"
q @ S        [n] @ [n, m]              "i,ij->j"
S @ A        [d, m, n] @ [d, n, k]     "aij,ajk->aik"
q @ S        [n] @ [d, n, m]           "i,aij->aj"

Axes ahead of the last two stand beside each other as in broadcasting: one of size 1 stretches, and
those that one side alone has are kept.
"""

from __future__ import annotations

from celldsl.diagnostics.span import Span
from celldsl.ir.size import Shape, Size, shape_text
from celldsl.semantics import wording
from celldsl.semantics.broadcast import ambiguous, meet, reasons
from celldsl.semantics.context import Environment
from celldsl.semantics.contractions import contract, spelled
from celldsl.semantics.environment import Tensor, Unknown, Value
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
    if f.context.constraints.same_shape(a.shape, b.shape) and len(a.shape) <= 2:
        return f"elementwise is `{left} * {right}`"
    if max(len(a.shape), len(b.shape)) > 2:
        return spelled(f, (e.left, a), (e.right, b))
    if equal(b.shape[-1], a.shape[0]):
        return f"the other way round fits: `{right} @ {left}`"
    if len(a.shape) == 2 and equal(a.shape[0], b.shape[0]):
        return f"transposed it fits: `transpose({left}) @ {right}`"
    if len(b.shape) == 2 and equal(a.shape[-1], b.shape[1]):
        return f"transposed it fits: `{left} @ transpose({right})`"
    sizes: tuple[Size, Size] = (a.shape[-1], b.shape[0])
    return wording.counterexample(*sizes) or None
