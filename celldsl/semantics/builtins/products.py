"""`dot` and `outer`.  In: two vectors.  Out: one einsum."""

from __future__ import annotations

from celldsl.ir.size import shape_text
from celldsl.semantics import wording
from celldsl.semantics.builtins.function import Bound, Function, given, tensor
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import Tensor, Unknown, Value
from celldsl.semantics.products import spelled
from celldsl.syntax import ast


def _vectors(f: Environment, e: ast.Call, a: Bound) -> tuple[Tensor, Tensor] | None:
    one, other = tensor(f, a, "a"), tensor(f, a, "b")
    if one is None or other is None:
        return None
    for name, value in (("a", one), ("b", other)):
        if len(value.shape) != 1:
            operands = (given(a, "a"), one), (given(a, "b"), other)
            help = spelled(f, *operands, summed=e.function == "dot")
            text = wording.short(given(a, name).span)
            f.error(
                "E0210",
                f"`{e.function}` takes vectors, and `{text}` is {shape_text(value.shape)}",
                given(a, name).span,
                help=help or "`@` is the product of matrices",
            )
            return None
    return one, other


def _dot(f: Environment, e: ast.Call, a: Bound) -> Value:
    pair = _vectors(f, e, a)
    if pair is None:
        return Unknown()
    one, other = pair
    if not f.context.constraints.equal(one.shape[0], other.shape[0]):
        left, right = (wording.short(given(a, name).span) for name in ("a", "b"))
        f.error(
            "E0203",
            f"shapes do not match in `{wording.short(e.span)}`",
            e.span,
            f"`{left}` is {shape_text(one.shape)}, `{right}` is {shape_text(other.shape)}",
            help=wording.counterexample(one.shape[0], other.shape[0]) or None,
        )
        return Unknown()
    return Tensor(f.context.op("einsum", one.name, other.name, spec="i,i->"), ())


def _outer(f: Environment, e: ast.Call, a: Bound) -> Value:
    pair = _vectors(f, e, a)
    if pair is None:
        return Unknown()
    one, other = pair
    name = f.context.op("einsum", one.name, other.name, spec="i,j->ij")
    return Tensor(name, f.context.shape(name), (*(one.why or (None,)), *(other.why or (None,))))


ENTRIES = (
    Function("dot", "a, b", "the sum of products of two vectors", _dot),
    Function("outer", "a, b", "all products of two vectors: [m] and [n] give [m, n]", _outer),
)
