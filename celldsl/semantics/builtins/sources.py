"""Values from nothing.  In: `zeros([H])`, `eye(H)`, `arange(H)`.  Out: their nodes."""

from __future__ import annotations

from celldsl.ir.size import Size
from celldsl.semantics import conversions as convert
from celldsl.semantics import sizes as written_sizes
from celldsl.semantics import wording
from celldsl.semantics.builtins.function import Bound, Build, Function, given
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import Static, Tensor, Unknown, Value
from celldsl.semantics.indexing import below, one_hot
from celldsl.syntax import ast


def _filled(number: float) -> Build:
    def build(f: Environment, e: ast.Call, a: Bound) -> Value:
        listing = given(a, "shape")
        shape = written_sizes.shape(f, listing, "the shape")
        if shape is None:
            return Unknown()
        value = f.context.op("broadcast", f.context.op("number", value=number), shape=shape)
        return Tensor(value, shape, (listing.span,) * len(shape))

    return build


def _source(op: str, rank: int) -> Build:
    def build(f: Environment, e: ast.Call, a: Bound) -> Value:
        n: Size | None = written_sizes.positive_size(f, given(a, "n"), "a size")
        if n is None:
            return Unknown()
        name = f.context.op(op, n=n)
        return Tensor(name, f.context.shape(name), (given(a, "n").span,) * rank)

    return build


def _one_hot(f: Environment, e: ast.Call, a: Bound) -> Value:
    """A wider one than the integer's limit has zeros at its end."""
    written, width = given(a, "k"), given(a, "n")
    index = f.elaborate(written)
    n = written_sizes.positive_size(f, width, "the length of a one-hot vector")
    if isinstance(index, Unknown) or n is None:
        return Unknown()
    if not isinstance(index, Tensor) or index.limit is None:
        f.error(
            "E0216",
            f"`{wording.short(written.span)}` is no integer that picks",
            written.span,
            help="declare it so: `input token: int[V]`, then `one_hot(token, V)`",
        )
        return Unknown()
    return one_hot(f, index, n, width) if below(f, index, n, written) else Unknown()


def _arange(f: Environment, e: ast.Call, a: Bound) -> Value:
    """`arange(n)`, and `arange(a, b)` from a on."""
    first = given(a, "a")
    if a["b"] is None:
        return _source("arange", 1)(f, e, {"n": first})
    start = written_sizes.size(f, first, "where `arange` begins")
    stop = written_sizes.size(f, a["b"], "where `arange` ends")
    if start is None or stop is None:
        return Unknown()
    count = f.context.constraints.reduce(stop - start)
    if not f.context.constraints.positive(count):
        text = f"{first.span.text} < {a['b'].span.text}"
        none = f.context.constraints.not_negative(-count)
        told = f"nothing is between {start} and {stop}" if none else f"{count} may be less than 1"
        help = f'add `require {text}, "…"`' if count.dims and not none else None
        f.error("E0208", told, e.span, "`b` does not belong to it", help=help)
        return Unknown()
    plain = f.context.op("arange", n=count)
    offset = convert.as_tensor(f, Static(start), first.span)
    assert offset is not None
    name = f.context.op("add", plain, offset.name)
    return Tensor(name, f.context.shape(name), (e.span,))


def _legendre(name: str, rank: int) -> Build:
    def build(f: Environment, e: ast.Call, a: Bound) -> Value:
        n = written_sizes.positive_size(f, given(a, "n"), "a size")
        if n is None:
            return Unknown()
        if f.target is None or not f.target.param:
            f.error(
                "E0404",
                f"`{name}` stands where a `const` or `param` begins",
                e.span,
                help=f"write `const A: [{', '.join([str(n)] * rank)}] = {name}({n})`",
            )
            return Unknown()
        shape = (n,) * rank
        return Tensor(f.context.draw(name, (), shape=shape, param=f.target.param), shape, ())

    return build


ENTRIES = (
    Function("zeros", "shape", "zeros of a shape; alone, an initialiser", _filled(0.0)),
    Function("ones", "shape", "ones of a shape; alone, an initialiser", _filled(1.0)),
    Function("eye", "n", "the identity matrix [n, n]", _source("eye", 2)),
    Function("arange", "a, b=", "0, 1, … a - 1; of two numbers, a, a + 1, … b - 1", _arange,
             too_many="steps of 2 are `a + 2 * arange(n)`"),
    Function("one_hot", "k, n", "1 at the place that an integer says, else 0", _one_hot),
    Function("legendre_a", "n", "the state matrix of the Legendre memory, [n, n]",
             _legendre("legendre_a", 2)),
    Function("legendre_b", "n", "the input vector of the Legendre memory, [n]",
             _legendre("legendre_b", 1)),
)  # fmt: skip
