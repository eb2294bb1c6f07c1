"""From one sort of value to another.  In: elaborated values.  Out: tensors and truths.

    as_tensor(environment, Static(2*H), span)     a scalar `size` of the program
    number(environment, value, span)              a tensor that is no comparison
    truth(environment, expression, "…")           true or false that is known now
    data_in(environment, "r * h")                 [r, h]: what is known only while a cell runs

What cannot be converted is reported where it stands; the answer is then None.
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Fix
from celldsl.diagnostics.span import Span
from celldsl.ir.program import Rows
from celldsl.ir.size import Size
from celldsl.semantics.context import Context, Environment
from celldsl.semantics.environment import (
    CellValue,
    FunctionValue,
    Initialiser,
    Listing,
    Real,
    Several,
    Static,
    Tensor,
    Truth,
    Unknown,
    Value,
    describe,
)
from celldsl.semantics.sizes import denominator
from celldsl.semantics.structure import fix
from celldsl.semantics.wording import short
from celldsl.syntax import ast

DATA = ("input", "state", "param", "const", "value")


def data_in(f: Environment, e: ast.Expr) -> list[ast.Name]:
    """In the order in which they stand there."""
    return [name for name in names_in(e) if _is_data(f, name)]


def names_in(e: ast.Expr) -> list[ast.Name]:
    match e:
        case ast.Name():
            return [e]
        case ast.Index(value=value) | ast.Over(body=value):
            return names_in(value)
        case ast.Call(args=args):
            return [name for arg in args for name in names_in(arg)]
        case ast.Unary(_, operand):
            return names_in(operand)
        case ast.Binary(_, left, right):
            return names_in(left) + names_in(right)
    return []


def _is_data(f: Environment, name: ast.Name) -> bool:
    binding = f.find(name.id)
    return binding is not None and binding.kind in DATA


def tensor(f: Environment, expression: ast.Expr) -> Tensor | None:
    """The number that an expression computes, as a value of the program."""
    return number(f, f.elaborate(expression), expression.span)


def real_tensor(f: Environment, expression: ast.Expr) -> Tensor | None:
    """The real number that an expression computes."""
    found = tensor(f, expression)
    return None if found is None or refuse_complex(f, found, expression.span) else found


def refuse_complex(f: Environment, value: Tensor, span: Span) -> bool:
    """Whether a complex value stands where a real one is wanted, which is then told."""
    if not f.context.is_complex(value.name):
        return False
    told = f"`{short(span)}` is complex where a real number is wanted"
    f.error("E0219", told, span, help=to_real(span))
    return True


def to_real(span: Span) -> str:
    bare = _brief(span)
    if bare.endswith("i") and bare[0].isdigit():
        return f"without its `i` it is real: `{bare[:-1]}`"
    return f"take a part of it: `real({bare})` or `imag({bare})`, or its modulus: `abs({bare})`"


def to_complex(span: Span) -> str:
    bare = _bare(span)
    return f"say that its imaginary part is 0: `{bare} + 0i`"


LONGEST = 20  # characters of what is repeated in help


def _brief(span: Span) -> str:
    """What is written, or an ellipsis where that is long."""
    bare = _bare(span)
    return bare if len(bare) <= LONGEST else "…"


def _bare(span: Span) -> str:
    """What is written, without brackets around all of it."""
    text = short(span)
    inside = text[1:-1] if text.startswith("(") and text.endswith(")") else text
    return inside if inside.count("(") == inside.count(")") and ")" not in inside else text


def boolean(f: Environment, expression: ast.Expr) -> Tensor | None:
    """The comparison that an expression makes."""
    return comparison(f, f.elaborate(expression), expression.span)


def real(f: Environment, expression: ast.Expr, what: str) -> Tensor | None:
    """A scalar that is the same for the whole call: a number or a hyperparameter."""
    found = real_tensor(f, expression)
    if found is None:
        return None
    if found.shape or f.context.type(found.name).rows != Rows.ONCE:
        f.error("E0124", f"{what} must be a number or a hyperparameter", expression.span)
        return None
    return found


def number(f: Environment, value: Value, span: Span) -> Tensor | None:
    found = as_tensor(f, value, span)
    if found is not None and found.limit is not None:
        _no_number(f, found.limit, span)
        return None
    if found is not None and found.boolean:
        plain = span.text.isidentifier()
        f.error(
            "E0211",
            f"`{short(span)}` is {'true or false' if plain else 'a comparison'}, not a number",
            span,
            f"{'truth values' if plain else 'comparisons'} are for `where`, `and`, `or` and `not` "
            "alone",
            help=f"write `{_chosen(short(span))}`",
            fix=Fix(span, _chosen(span.text)),
        )
        return None
    return found


def _no_number(f: Environment, limit: Size, span: Span) -> None:
    """`linear(token, H)`, `token + 1`"""
    text = short(span)
    f.error(
        "E0216",
        f"`{text}` is an integer that picks, not a number",
        span,
        f"one of {limit}: integers are compared, and pick",
        help=f"write `one_hot({text}, {limit})`, or pick a row: `E[{text}]` of a "
        f"`param E: [{limit}, N]`",
    )


def comparable(f: Environment, value: Value, span: Span) -> Tensor | None:
    """A real number, or an integer that picks."""
    if isinstance(value, Tensor) and value.limit is not None:
        return value
    found = number(f, value, span)
    if found is None or not f.context.is_complex(found.name):
        return found
    bare = _brief(span)
    f.error(
        "E0219",
        f"`{short(span)}` is complex, and complex numbers are not compared",
        span,
        help=f"compare a part of it, `real({bare})` or `imag({bare})`, or its modulus, "
        f"`abs({bare})`",
    )
    return None


def _chosen(text: str) -> str:
    bare = text[1:-1] if text.startswith("(") and text.endswith(")") else text
    return f"where({bare if bare.count('(') == bare.count(')') else text}, 1, 0)"


def comparison(f: Environment, value: Value, span: Span) -> Tensor | None:
    found = as_tensor(f, value, span)
    if found is not None and not found.boolean:
        integer = found.limit is not None
        shown, than = short(span), " == 0" if integer else " > 0.5"
        if f.context.is_complex(found.name):
            shown = f"abs({_bare(span)})"
        f.error(
            "E0211",
            f"`{short(span)}` is {'an integer' if integer else 'a number'} where a comparison is "
            "needed",
            span,
            help=f"compare it: `{shown}{than}`",
        )
        return None
    return found


def as_tensor(f: Environment, value: Value, span: Span) -> Tensor | None:
    match value:
        case Tensor():
            return value
        case Static(size):
            return Tensor(_scalar(f.context, size), ())
        case Real(number):
            return Tensor(f.context.op("number", value=number), ())
        case Truth(truth):
            zero = f.context.op("number", value=0.0)
            return Tensor(f.context.op("eq" if truth else "ne", zero, zero), (), boolean=True)
        case Initialiser():
            return _initial_tensor(f, value, span)
        case Unknown():
            return None
        case CellValue():
            label = f"declare an inner cell: `sub g = {short(span)}[…]`"
        case FunctionValue():
            label = f"call it: `{short(span)}(…)`"
        case Several(items):
            label = f"take them apart: `{', '.join('abcdefgh'[: len(items)])} = …`"
        case Listing():
            label = "a list stands in `linear`, `concat`, `split` and shapes"
    f.error("E0111", f"`{short(span)}` is {describe(value)}, not a value", span, label)
    return None


def _initial_tensor(f: Environment, value: Initialiser, span: Span) -> Tensor | None:
    if f.only_initial:
        return f.context.callbacks.drawn(f, value, span)
    f.error(
        "E0111",
        f"`{short(span)}` is an initialiser, not a value",
        span,
        "initialisers stand where a `param`, `const` or `state` begins",
        help="`zeros([H])` and `ones([H])` are values",
    )
    return None


def _scalar(context: Context, size: Size) -> str:
    """A size as a number of the program; fractions are true division."""
    if not size.dims:
        return context.op("number", value=_constant(size))
    if size.integral:
        return context.op("size", size=size)
    bottom = denominator(size)
    return context.op("div", _scalar(context, size * bottom), _scalar(context, bottom))


def _constant(size: Size) -> float:
    return float(sum(coefficient for _, coefficient in size.terms))


def truth(f: Environment, expression: ast.Expr, what: str) -> bool | None:
    return _as_truth(f, f.elaborate(expression), expression.span, what)


def _as_truth(f: Environment, value: Value, span: Span, what: str) -> bool | None:
    match value:
        case Truth(found):
            return found
        case Tensor(hyper=str(name)):
            fix(f.context.choices, name, "boolean")
        case Unknown():
            return None
    f.error("E0124", f"{what} must be true or false, not {describe(value)}", span)
    return None
