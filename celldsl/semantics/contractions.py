"""Sums of products over named axes.  In: tensors whose axes have labels.  Out: einsums.

contract(f, (S, "nvk"), (q, "nk"), "nv")          einsum(S, q) spec="nvk,nk->nv"
summed(f, (S, "nvk"), "nk")                       sum(S, axis=1)

A size that is written as 1 stretches, as everywhere, where another operand has the label too.
"""

from __future__ import annotations

from celldsl.diagnostics.span import Span
from celldsl.ir.size import Shape, Size
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import Tensor
from celldsl.semantics.wording import short
from celldsl.syntax import ast

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
