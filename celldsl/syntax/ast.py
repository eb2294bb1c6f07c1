"""What was written: the syntax tree.  In: nothing.  Out: the records of a `.cell` file.

    h' = u * h + (1 - u) * c      Equation((Target("h", primed=True),), Binary("+", …, …))

Every node has the span it came from; spans do not take part in comparison, so that two trees are
equal when they say the same.  `Block.statements` keep the order of the file.
"""

from __future__ import annotations

from typing import Literal

from celldsl.diagnostics.span import Span
from celldsl.structs import field, record


@record
class Node:
    span: Span = field(compare=False, repr=False, kw_only=True)


@record
class Declared(Node):
    """One name of a declaration, with its own span."""

    id: str


# ---------------------------------------------------------------- expressions


@record
class Number(Node):
    """`1`, `0.5`, `1e-8`, `inf`: `value` is an int where it was written as one."""

    value: int | float


@record
class Imaginary(Node):
    """`1i`, `0.5i`: `value` is what stands before the `i`."""

    value: float


@record
class Boolean(Node):
    value: bool


@record
class String(Node):
    value: str


@record
class Name(Node):
    """`h` or `h'`.  Greek letters and subscript digits are already spelled out."""

    id: str
    primed: bool = False


@record
class Attribute(Node):
    """`g.h` or `g.h'`: a state of an inner cell."""

    owner: str
    id: str
    primed: bool = False


@record
class Unary(Node):
    """`op` is `-`, `+` or `not`."""

    op: str
    operand: Expr


@record
class Binary(Node):
    """`op` is one of `+ - * / % @ **`, `== != < <= > >=`, `and`, `or`."""

    op: str
    left: Expr
    right: Expr


@record
class Keyword(Node):
    name: str
    value: Expr


@record
class Call(Node):
    """`split(v, 2)`: `name_span` is the place of the function's name."""

    function: str
    args: tuple[Expr, ...]
    keywords: tuple[Keyword, ...]
    name_span: Span = field(compare=False, repr=False, kw_only=True)


@record
class Over(Node):
    """`sum(for k in 0..K: v[k])`: what a function makes of a value for every `variable`."""

    function: str
    variable: Declared
    low: Expr
    high: Expr
    body: Expr
    name_span: Span = field(compare=False, repr=False, kw_only=True)


@record
class ListOf(Node):
    """`[x, h]`: operands of a `linear`, sizes of a `split`, a shape."""

    items: tuple[Expr, ...]


@record
class Range(Node):
    """`a:b` inside an index; either side may be left out."""

    low: Expr | None
    high: Expr | None


@record
class Index(Node):
    """`v[k]`, `A[:, 0]`, `v[a:b]`."""

    value: Expr
    items: tuple[Expr | Range, ...]


Atom = Number | Imaginary | Boolean | String | Name | Attribute
Expr = Atom | Unary | Binary | Call | Over | ListOf | Index

# ---------------------------------------------------------------- statements


InputKind = Literal["real", "int", "bool", "complex"]
NumberKind = Literal["real", "complex"]
Lifetime = Literal["step", "sequence"]


@record
class Input(Node):
    """`limit` is the V of `int[V]`, whose shape is `[]`; `per` says how long a value lasts."""

    names: tuple[Declared, ...]
    shape: ListOf
    kind: InputKind = "real"
    limit: Expr | None = None
    per: Lifetime = "step"


@record
class Kept(Node):
    """Arrays that outlive a step, and what they begin with."""

    names: tuple[Declared, ...]
    shape: ListOf
    init: Expr | None
    kind: NumberKind = "real"


@record
class State(Kept): ...


@record
class Param(Kept): ...


@record
class Const(Kept): ...


@record
class Sub(Node):
    """`sub g = GRU[I, H](activation=relu)`; dims by place, hyperparameters by keyword.

    `sub other = shared g` has no cell of its own: `shares` is the inner cell whose weights it uses.
    """

    name: Declared
    cell: Declared
    dims: tuple[Expr, ...]
    hyper: tuple[Keyword, ...]
    shares: Declared | None = None


@record
class Target(Node):
    """`h`, `h'`, `y[k]` or `h'[k]` on the left of `=`."""

    id: str
    primed: bool = False
    index: Expr | None = None


@record
class Equation(Node):
    targets: tuple[Target, ...]
    value: Expr


@record
class Output(Node):
    names: tuple[Name, ...]


@record
class For(Node):
    variable: Declared
    low: Expr
    high: Expr
    body: tuple[Statement, ...]


@record
class If(Node):
    """`orelse` is None where no `else` was written."""

    condition: Expr
    body: tuple[Statement, ...]
    orelse: tuple[Statement, ...] | None


@record
class Require(Node):
    condition: Expr
    why: str


@record
class Return(Node):
    values: tuple[Expr, ...]


Statement = Input | State | Param | Const | Sub | Equation | Output | For | If | Require | Return

# ---------------------------------------------------------------- the file


@record
class Dim(Node):
    """`I` or `H=I` in a cell's square brackets."""

    id: str
    default: Expr | None


@record
class Hyper(Node):
    """`activation = tanh` in a cell's round brackets; the default may be left out for `--set`."""

    id: str
    default: Expr | None


@record
class Cell(Node):
    """`unread` has the names on lines that were left out, where some were; see `damage`."""

    name: Declared
    dims: tuple[Dim, ...]
    hyper: tuple[Hyper, ...]
    docstring: str | None
    body: tuple[Statement, ...]
    unread: tuple[str, ...] | None = field(default=None, compare=False)


@record
class Argument(Node):
    """An argument of a `def`, with its annotated shape where there is one (`v: [N]`)."""

    id: str
    shape: ListOf | None


@record
class Def(Node):
    """`def f(v, N) = EXPR` has a body of one `Return`; a `shared` one has one set of weights."""

    name: Declared
    args: tuple[Argument, ...]
    docstring: str | None
    body: tuple[Statement, ...]
    inline: bool = False
    shared: bool = False


@record
class Imported(Node):
    id: str
    alias: str


@record
class Use(Node):
    names: tuple[Imported, ...]
    path: str
    path_span: Span = field(compare=False, repr=False, kw_only=True)


@record
class Comment(Node):
    """A `#` comment, text with the `#`; `own_line` says that nothing stands before it."""

    text: str
    own_line: bool


@record
class File(Node):
    """`broken` names the items that were left out because of syntax errors in them.

    `damaged` has what could be read of the cells among them.
    """

    docstring: str | None
    items: tuple[Use | Def | Cell, ...]
    comments: tuple[Comment, ...] = field(default=(), compare=False)
    broken: tuple[str, ...] = field(default=(), compare=False)
    damaged: tuple[Cell, ...] = field(default=(), compare=False)
