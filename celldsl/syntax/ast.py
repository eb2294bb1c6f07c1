"""What was written: the syntax tree.  In: nothing.  Out: the frozen dataclasses of a `.cell` file.

    h' = u * h + (1 - u) * c      Equation((Target("h", primed=True),), Binary("+", …, …))

Every node has the span it came from; spans do not take part in comparison, so that two trees are
equal when they say the same.  `Block.statements` keep the order of the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from celldsl.diagnostics.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    span: Span = field(compare=False, repr=False)


# ---------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True)
class Number(Node):
    """`1`, `0.5`, `1e-8`, `inf`: `value` is an int where it was written as one."""

    value: int | float


@dataclass(frozen=True, slots=True)
class Boolean(Node):
    value: bool


@dataclass(frozen=True, slots=True)
class String(Node):
    value: str


@dataclass(frozen=True, slots=True)
class Name(Node):
    """`h` or `h'`.  Greek letters and subscript digits are already spelled out."""

    id: str
    primed: bool = False


@dataclass(frozen=True, slots=True)
class Attribute(Node):
    """`g.h` or `g.h'`: a state of an inner cell."""

    owner: str
    id: str
    primed: bool = False


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """`op` is `-`, `+` or `not`."""

    op: str
    operand: Expr


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """`op` is one of `+ - * / % @ **`, `== != < <= > >=`, `and`, `or`."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Keyword(Node):
    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Call(Node):
    """`split(v, 2)`: `name_span` is the place of the function's name."""

    function: str
    args: tuple[Expr, ...]
    keywords: tuple[Keyword, ...]
    name_span: Span = field(compare=False, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class ListOf(Node):
    """`[x, h]`: operands of a `linear`, sizes of a `split`, a shape."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Range(Node):
    """`a:b` inside an index; either side may be left out."""

    low: Expr | None
    high: Expr | None


@dataclass(frozen=True, slots=True)
class Index(Node):
    """`v[k]`, `A[:, 0]`, `v[a:b]`."""

    value: Expr
    items: tuple[Expr | Range, ...]


Expr = (
    Number | Boolean | String | Name | Attribute | Unary | Binary | Call | ListOf | Index
)

# ---------------------------------------------------------------- statements


@dataclass(frozen=True, slots=True)
class Declared(Node):
    """One name of a declaration, with its own span."""

    id: str


@dataclass(frozen=True, slots=True)
class Input(Node):
    names: tuple[Declared, ...]
    shape: ListOf


@dataclass(frozen=True, slots=True)
class State(Node):
    names: tuple[Declared, ...]
    shape: ListOf
    init: Expr | None


@dataclass(frozen=True, slots=True)
class Param(Node):
    names: tuple[Declared, ...]
    shape: ListOf
    init: Expr | None


@dataclass(frozen=True, slots=True)
class Const(Node):
    names: tuple[Declared, ...]
    shape: ListOf
    init: Expr | None


@dataclass(frozen=True, slots=True)
class Sub(Node):
    """`sub g = GRU[I, H](activation=relu)`; dims by place, hyperparameters by keyword."""

    name: Declared
    cell: Declared
    dims: tuple[Expr, ...]
    hyper: tuple[Keyword, ...]


@dataclass(frozen=True, slots=True)
class Target(Node):
    """`h`, `h'`, `y[k]` or `h'[k]` on the left of `=`."""

    id: str
    primed: bool = False
    index: Expr | None = None


@dataclass(frozen=True, slots=True)
class Equation(Node):
    targets: tuple[Target, ...]
    value: Expr


@dataclass(frozen=True, slots=True)
class Output(Node):
    names: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class For(Node):
    variable: Declared
    low: Expr
    high: Expr
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class If(Node):
    """`orelse` is None where no `else` was written."""

    condition: Expr
    body: tuple[Statement, ...]
    orelse: tuple[Statement, ...] | None


@dataclass(frozen=True, slots=True)
class Require(Node):
    condition: Expr
    why: str


@dataclass(frozen=True, slots=True)
class Return(Node):
    values: tuple[Expr, ...]


Statement = (
    Input | State | Param | Const | Sub | Equation | Output | For | If | Require | Return
)

# ---------------------------------------------------------------- the file


@dataclass(frozen=True, slots=True)
class Dim(Node):
    """`I` or `H=I` in a cell's square brackets."""

    id: str
    default: Expr | None


@dataclass(frozen=True, slots=True)
class Hyper(Node):
    """`activation = tanh` in a cell's round brackets; the default may be left out for `--set`."""

    id: str
    default: Expr | None


@dataclass(frozen=True, slots=True)
class Cell(Node):
    name: Declared
    dims: tuple[Dim, ...]
    hyper: tuple[Hyper, ...]
    docstring: str | None
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Argument(Node):
    """An argument of a `def`, with its annotated shape where there is one (`v: [N]`)."""

    id: str
    shape: ListOf | None


@dataclass(frozen=True, slots=True)
class Def(Node):
    """`def f(v, N) = EXPR` has a body of one `Return`."""

    name: Declared
    args: tuple[Argument, ...]
    docstring: str | None
    body: tuple[Statement, ...]
    inline: bool = False


@dataclass(frozen=True, slots=True)
class Imported(Node):
    id: str
    alias: str


@dataclass(frozen=True, slots=True)
class Use(Node):
    names: tuple[Imported, ...]
    path: str
    path_span: Span = field(compare=False, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Comment(Node):
    """A `#` comment, text with the `#`; `own_line` says that nothing stands before it."""

    text: str
    own_line: bool


@dataclass(frozen=True, slots=True)
class File(Node):
    """`broken` names the items that were left out because of syntax errors in them."""

    docstring: str | None
    items: tuple[Use | Def | Cell, ...]
    comments: tuple[Comment, ...] = field(default=(), compare=False)
    broken: tuple[str, ...] = field(default=(), compare=False)
