"""Inputs.  In: `input token: int[V]`, or an argument for it.  Out: a leaf, its name, the value.

An integer is below its limit, so as the argument of an inner cell it may go where the limit is as
large; what lasts a sequence may go where a value of each step is wanted, and not the other way
round.
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Label
from celldsl.ir.program import Rows
from celldsl.ir.size import Shape, Size, shape_text
from celldsl.ir.spec import ArraySpec
from celldsl.semantics import conversions as convert
from celldsl.semantics import sizes as written_sizes
from celldsl.semantics import wording
from celldsl.semantics.context import Environment, Inner
from celldsl.semantics.declarations import bind, declare_name, reasons
from celldsl.semantics.environment import Tensor, Unknown, Value
from celldsl.semantics.pairs import stored
from celldsl.semantics.wording import elaborate_beside, has_shape
from celldsl.syntax import ast

ROWS = {"step": Rows.STEP, "sequence": Rows.BATCH}


def declare_input(f: Environment, name: ast.Declared, s: ast.Input) -> None:
    """An input; that of an inner cell is bound by whoever steps it."""
    shape = written_sizes.shape(f, s.shape, "the shape")
    limit = _limit(f, s)
    if not declare_name(f, name, "input"):
        return
    if f.prefix or shape is None or (s.limit is not None and limit is None):
        bind(f, name, "input", Unknown())
        return
    declared = _as_written(f, s.shape, shape)
    if s.kind == "complex":
        f.context.inputs.append(ArraySpec(name.id, stored(declared), per=s.per))
        leaf = f.context.complex_leaf("input", name.id, shape, ROWS[s.per])
    else:
        f.context.inputs.append(ArraySpec(name.id, declared, s.kind, limit, s.per))
        leaf = f.context.leaf("input", name.id, shape, ROWS[s.per], s.kind)
    boolean = s.kind == "bool"
    bind(f, name, "input", Tensor(leaf, shape, reasons(s.shape), boolean, limit=limit))


def _of_parts(
    f: Environment, inner: Inner, name: ast.Declared, s: ast.Input, written: ast.Expr, found: Tensor
) -> bool:
    """Whether a complex value goes to a complex input, and a real one to a real one."""
    given = f.context.is_complex(found.name)
    if given == (s.kind == "complex"):
        return True
    text = wording.short(written.span)
    f.error(
        "E0219",
        f"the input `{name.id}` of `{inner.name}` is {'real' if given else 'complex'}",
        written.span,
        f"`{text}` is {'complex' if given else 'real'}",
        secondary=(Label(s.span, "it is declared here"),),
        help=convert.to_real(written.span) if given else convert.to_complex(written.span),
    )
    return False


def _limit(f: Environment, s: ast.Input) -> Size | None:
    """The size that an integer stays below."""
    if s.limit is None:
        return None
    return written_sizes.positive_size(f, s.limit, "the number of values of an integer")


def _as_written(f: Environment, listing: ast.ListOf, shape: Shape) -> Shape:
    """The declared shape in its own dims, before `require`s have made them one."""
    constraints, kept = f.context.constraints, f.context.constraints.same
    constraints.same = {n: v for n, v in kept.items() if v.constant is not None}
    try:
        found = written_sizes.shape(f, listing, "the shape")
    finally:
        constraints.same = kept
    return found or shape


def give_input(
    f: Environment,
    inner: Inner,
    name: ast.Declared,
    s: ast.Input,
    written: ast.Expr,
    value: Value | None = None,
) -> Tensor | None:
    """An argument for an input of an inner cell; None where it does not fit."""
    wanted = written_sizes.shape(inner.env, s.shape, "the shape")
    fits = f.fits if wanted is None else has_shape(f, wanted)
    value = elaborate_beside(f, written, fits) if value is None else value
    found = _of_kind(f, inner, name, s, written, value)
    if found is None or wanted is None:
        return None
    if not f.context.constraints.same_shape(found.shape, wanted):
        f.error(
            "E0203",
            f"the input `{name.id}` of `{inner.name}` is {shape_text(wanted)}",
            written.span,
            f"`{wording.short(written.span)}` is {shape_text(found.shape)}",
            secondary=(Label(s.shape.span, "it is declared here"),),
            help="where the first layer reads another size, write `_` for it: `GRU[_, H]`"
            if f.firsts and f.firsts[-1]
            else None,
        )
        return None
    if s.per == "sequence" and f.context.type(found.name).rows == Rows.STEP:
        f.error(
            "E0217",
            f"the input `{name.id}` of `{inner.name}` is the same at all steps",
            written.span,
            f"`{wording.short(written.span)}` is another one at each step",
            secondary=(Label(s.span, "it is declared here"),),
            help="give it an input that is `per sequence` too, or what is made of such and of "
            "parameters",
        )
        return None
    return found


def _of_kind(
    f: Environment, inner: Inner, name: ast.Declared, s: ast.Input, written: ast.Expr, value: Value
) -> Tensor | None:
    match s.kind:
        case "real" | "complex":
            found = convert.number(f, value, written.span)
            return found if found and _of_parts(f, inner, name, s, written, found) else None
        case "bool":
            return convert.comparison(f, value, written.span)
    limit = _limit(inner.env, s)
    if limit is None or isinstance(value, Unknown):
        return None
    if not isinstance(value, Tensor) or value.limit is None:
        f.error(
            "E0216",
            f"the input `{name.id}` of `{inner.name}` is an integer",
            written.span,
            f"`{wording.short(written.span)}` is none",
            secondary=(Label(s.span, "it is declared here"),),
            help="integers come from outside: `input token: int[V]`",
        )
        return None
    if not f.context.constraints.not_negative(limit - value.limit):
        f.error(
            "E0208",
            f"`{wording.short(written.span)}` may be too large for the input `{name.id}` of "
            f"`{inner.name}`",
            written.span,
            f"it is below {value.limit}, and `{name.id}` below {limit}",
            secondary=(Label(s.span, "it is declared here"),),
            help=f"declare `{inner.name}` with {value.limit} where it says {limit}",
        )
        return None
    return value
