"""What a declaration says of its values.  In: the tree behind a `:`.  Out: their kind and shape.

    [I]                   numbers
    int[V]                a whole number from 0 to V - 1
    bool, bool[H]         true or false
    complex[N]            complex numbers, also of a state, param or const
    [C] per sequence      the same at all steps of a sequence

`int`, `bool`, `complex`, `per` and `sequence` are words here alone, and names everywhere else.
"""

from __future__ import annotations

from collections.abc import Sequence

from celldsl.diagnostics.diagnostic import Fix
from celldsl.diagnostics.suggest import nearest
from celldsl.structs import entity
from celldsl.syntax import ast
from celldsl.syntax.build_expressions import ExpressionBuilder
from celldsl.syntax.lexer import Children, Token, Tree

# What other languages call them.
WHOLE = ("integer", "int32", "int64", "long", "uint8", "uint", "index", "token", "categorical")
TRUTHS = ("boolean", "Bool", "bit", "flag", "mask")
COMPLEX = ("cfloat", "cdouble", "complex64", "complex128", "Complex", "ComplexF32", "ComplexF64")
REALS = ("real", "float", "float32", "float64", "double", "number", "vector", "tensor", "array")


@entity
class Declared:
    """As `ast.Input` has it."""

    shape: ast.ListOf
    kind: ast.InputKind = "real"
    limit: ast.Expr | None = None
    per: ast.Lifetime = "step"

    @property
    def number(self) -> ast.NumberKind:
        """Of what is declared with numbers alone."""
        return "complex" if self.kind == "complex" else "real"


def declared_kind(
    build: ExpressionBuilder, word: str, names: Sequence[ast.Declared], children: Children
) -> Declared:
    """`word` is `input`, `state`, `param` or `const`; what it cannot say is reported."""
    type = children[3]
    assert isinstance(type, Tree)
    found = _kind(build, word, names[0].id, type)
    lifetimes = [t for t in children[4:] if isinstance(t, Tree) and t.data == "lifetime"]
    for lifetime in lifetimes:
        found.per = _lifetime(build, word, names[0].id, lifetime)
    return found


def _kind(build: ExpressionBuilder, word: str, name: str, type: Tree) -> Declared:
    head, *rest = type.children
    if isinstance(head, Tree):
        return Declared(build.shape(head))
    shape = build.shape(rest[0]) if rest else None
    nothing = ast.ListOf((), span=build.span(type))
    if head == "complex":
        return Declared(shape or nothing, "complex")
    if word != "input" or head not in ("int", "bool"):
        return _refused(build, word, name, type, head, shape or nothing)
    if head == "bool":
        return Declared(shape or nothing, "bool")
    items = () if shape is None else shape.items
    if len(items) != 1:
        told = "`int` says below which number its values stay"
        help = f"write `input {name}: int[V]`, with the number of values for V"
        if len(items) > 1:
            told = "an integer input is a single one, and has no shape"
            help = f"write `input {name}: int[V]`, and declare one input for each of several"
        build.report.add("E0010", told, build.span(type), help=help)
        return Declared(nothing, "int", ast.Number(1, span=build.span(type)))
    return Declared(nothing, "int", items[0])


def _refused(
    build: ExpressionBuilder, word: str, name: str, type: Tree, head: Token, shape: ast.ListOf
) -> Declared:
    """`input x: I`, `input x: float[I]`, `state n: int[V]`"""
    span, brackets = build.span(type), shape.span.text if shape.items else ""
    if head in ("int", "bool"):
        told = f"a {word} holds numbers; `{head}` is of inputs alone"
        better = "[]" if head == "int" or not brackets else brackets
        help = f"write `{word} {name}: {better}`"
        build.report.add("E0010", told, span, help=help, fix=Fix(span, better))
    elif head in (*WHOLE, *TRUTHS) and word == "input":
        better = "bool" if head in TRUTHS else "int"
        whole = f"{better}{brackets or '[V]' * (better == 'int')}"
        told = f"`{head}` is called `{better}` here"
        fix = Fix(span, whole) if brackets or better == "bool" else None
        build.report.add("E0010", told, span, help=f"write `input {name}: {whole}`", fix=fix)
    elif head in COMPLEX:
        told, better = f"`{head}` is called `complex` here", f"complex{brackets}"
        help = f"write `{word} {name}: {better}`; the dtype is given when the cell is built"
        build.report.add("E0010", told, span, help=help, fix=Fix(span, better))
        return Declared(shape, "complex")
    elif brackets or head in REALS:
        better = brackets or "[]"
        told = f"a shape alone says that `{name}` is of numbers"
        help = f"write `{word} {name}: {better}`"
        known = ("int", "bool", "complex") if word == "input" else ("complex",)
        near = nearest(str(head), known)
        if near is not None:
            help = f"did you mean `{near}{brackets}`?  Without a word before it, it is of numbers"
        fix = Fix(span, better) if near is None else Fix(span, f"{near}{brackets}")
        build.report.add("E0010", told, span, help=help, fix=fix)
    else:
        told, better = "a shape stands in square brackets", f"[{head}]"
        help = f"write `{word} {name}: {better}`"
        build.report.add("E0010", told, span, help=help, fix=Fix(span, better))
    return Declared(shape)


def _lifetime(build: ExpressionBuilder, word: str, name: str, lifetime: Tree) -> ast.Lifetime:
    written = [str(token) for token in lifetime.children]
    span = build.span(lifetime)
    if word != "input":
        told = {
            "state": "a state goes from step to step",
            "param": "a parameter is the same at all steps",
            "const": "a const is the same at all steps",
        }[word]
        build.report.add("E0010", f"{told}, and has no `{span.text}`", span, help="leave it out")
    elif written == ["per", "sequence"]:
        return "sequence"
    elif written == ["per", "step"]:
        told = "an input is one per step unless it says otherwise"
        build.report.add("E0010", told, span, help="leave it out", fix=Fix(span, ""))
    else:
        told = f"`{span.text}` is not how long an input lasts"
        help = f"write `input {name}: … per sequence` for what is the same at all steps"
        build.report.add("E0010", told, span, help=help, fix=Fix(span, "per sequence"))
    return "step"
