"""Products.  In: two tensors.  Out: one einsum, or which sizes do not meet.

W @ x        [m, n] @ [n]       "ij,j->i"
q @ S        [n] @ [n, m]       "i,ij->j"
dot(a, b)    [n], [n]           "i,i->"
outer(a, b)  [m], [n]           "i,j->ij"
"""

from __future__ import annotations

from celldsl.diagnostics.span import Span
from celldsl.ir.size import Size
from celldsl.semantics import wording
from celldsl.semantics.broadcast import reasons
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import Tensor, Unknown, Value
from celldsl.syntax import ast

SPECS = {(1, 1): "i,i->", (1, 2): "i,ij->j", (2, 1): "ij,j->i", (2, 2): "ij,jk->ik"}


def matmul(f: Environment, e: ast.Binary, a: Tensor, b: Tensor) -> Value:
    """NumPy's `@` on vectors and matrices."""
    spec = SPECS.get((len(a.shape), len(b.shape)))
    if spec is None:
        _explain_rank(f, e, a, b)
        return Unknown()
    if not f.context.constraints.equal(a.shape[-1], b.shape[0]):
        _explain(f, e, a, b)
        return Unknown()
    name = f.context.op("einsum", a.name, b.name, spec=spec)
    why = (*_padded(a)[:-1], *_padded(b)[1:])
    return Tensor(name, f.context.shape(name), why)


def _padded(value: Tensor) -> tuple[Span | None, ...]:
    return value.why or (None,) * len(value.shape)


def _explain_rank(f: Environment, e: ast.Binary, a: Tensor, b: Tensor) -> None:
    left, right = wording.short(e.left.span), wording.short(e.right.span)
    scalar = not a.shape or not b.shape
    f.error(
        "E0204",
        f"`@` takes vectors and matrices: `{left}` is {wording.told(f, a)}, `{right}` is "
        f"{wording.told(f, b)}",
        e.span,
        help=f"to scale, write `{left} * {right}`" if scalar else None,
    )


def _explain(f: Environment, e: ast.Binary, a: Tensor, b: Tensor) -> None:
    left, right = wording.short(e.left.span), wording.short(e.right.span)
    label = f"`{left}` is {wording.told(f, a)}, `{right}` is {wording.told(f, b)}"
    inner = wording.axis_told(f, a.shape[-1], _padded(a)[-1])
    outer = wording.axis_told(f, b.shape[0], _padded(b)[0])
    f.error(
        "E0204",
        f"`@` needs {inner} and {outer} to be the same in `{wording.short(e.span)}`",
        e.span,
        label,
        secondary=reasons(f, (e.left, a), (e.right, b), e.span),
        help=_help(f, e, a, b),
    )


def _help(f: Environment, e: ast.Binary, a: Tensor, b: Tensor) -> str | None:
    left, right = wording.short(e.left.span), wording.short(e.right.span)
    equal = f.context.constraints.equal
    if f.context.constraints.same_shape(a.shape, b.shape):
        return f"elementwise is `{left} * {right}`"
    if len(b.shape) <= 2 and equal(b.shape[-1], a.shape[0]):
        return f"the other way round fits: `{right} @ {left}`"
    if len(a.shape) == 2 and equal(a.shape[0], b.shape[0]):
        return f"transposed it fits: `transpose({left}) @ {right}`"
    if len(b.shape) == 2 and equal(a.shape[-1], b.shape[1]):
        return f"transposed it fits: `{left} @ transpose({right})`"
    sizes: tuple[Size, Size] = (a.shape[-1], b.shape[0])
    return wording.counterexample(*sizes) or None
