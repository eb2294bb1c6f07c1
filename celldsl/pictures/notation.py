r"""How operations are typeset and drawn.  In: nothing.  Out: `NOTATION`, by operation.

    "mul": Notation(r"{0} \odot {1}", "×", PRODUCT, (PRODUCT, PRODUCT + 1))

An operation that has no entry is written as a function of its name, `\operatorname{name}(…)`, and
drawn as a box with its name, so that a new one shows up before anybody gives it a sign.
Composites, which are functions of the language that are several nodes, have theirs here as well.
"""

from __future__ import annotations

from typing import Literal

from celldsl.ir.ops.table import OPS
from celldsl.structs import record

# How tightly a text binds; an argument in a looser one gets brackets.
OR, AND, NOT, RELATION, SUM, PRODUCT, MATRIX, POWER, ATOM = range(9)
Kind = Literal["gate", "point", "product", "move", "reduce", "choice", "source", "random"]


@record
class Notation:
    """`latex` has `{0}`, `{1}` … for arguments, which need the levels `inner`; ATOM by default.

    An argument of level 0 stands between brackets of its own.  `glyph` is what a picture shows and
    `kind` which colour it has.  `symmetric` where the order of arguments says nothing.
    """

    latex: str
    glyph: str
    level: int = ATOM
    inner: tuple[int, ...] = ()
    kind: Kind = "point"
    symmetric: bool = False


def _function(
    latex: str, glyph: str, kind: Kind = "gate", count: int = 1, symmetric: bool = False
) -> Notation:
    args = ", ".join(f"{{{k}}}" for k in range(count))
    head = latex.replace("{", "{{").replace("}", "}}")
    return Notation(rf"{head}\left({args}\right)", glyph, ATOM, (0,) * count, kind, symmetric)


def _infix(
    sign: str, glyph: str, level: int, kind: Kind = "point", symmetric: bool = False
) -> Notation:
    return Notation(f"{{0}} {sign} {{1}}", glyph, level, (level, level + 1), kind, symmetric)


def _relation(sign: str, glyph: str, symmetric: bool = False) -> Notation:
    return Notation(f"{{0}} {sign} {{1}}", glyph, RELATION, (SUM, SUM), "choice", symmetric)


def _named(name: str) -> str:
    word = name.replace("_", r"\_")
    return rf"\operatorname{{{word}}}"


NOTATION: dict[str, Notation] = {
    "add": _infix("+", "+", SUM, symmetric=True),
    "sub": _infix("-", "−", SUM),
    "mul": _infix(r"\odot", "×", PRODUCT, symmetric=True),
    "div": Notation(r"\frac{{{0}}}{{{1}}}", "÷", POWER, (0, 0)),
    "pow": Notation(r"{{{0}}}^{{{1}}}", "xʸ", POWER, (ATOM, 0)),
    "square": Notation(r"{{{0}}}^{{2}}", "x²", POWER, (ATOM,)),
    "mod": _infix(r"\bmod", "mod", PRODUCT),
    "neg": Notation("-{0}", "−x", SUM, (PRODUCT,)),
    "max": _function(r"\max", "max", "point", 2, symmetric=True),
    "min": _function(r"\min", "min", "point", 2, symmetric=True),
    "sigmoid": _function(r"\sigma", "σ"),
    "tanh": _function(r"\tanh", "tanh"),
    "exp": _function(r"\exp", "exp"),
    "log": _function(r"\log", "log"),
    "sin": _function(r"\sin", "sin"),
    "cos": _function(r"\cos", "cos"),
    "tan": _function(r"\tan", "tan"),
    "atan": _function(r"\arctan", "atan"),
    "sqrt": Notation(r"\sqrt{{{0}}}", "√", ATOM, (0,), "gate"),
    "abs": Notation(r"\left|{0}\right|", "|x|", ATOM, (0,), "gate"),
    "floor": Notation(r"\left\lfloor {0} \right\rfloor", "⌊x⌋", ATOM, (0,), "gate"),
    "where": Notation(
        r"\begin{{cases}} {1} & {0} \\ {2} & \text{{else}} \end{{cases}}", "?", ATOM, (0, 0, 0),
        "choice",
    ),
    "lt": _relation("<", "<"),
    "le": _relation(r"\leq", "≤"),
    "eq": _relation("=", "=", symmetric=True),
    "ne": _relation(r"\neq", "≠", symmetric=True),
    "and": _infix(r"\land", "and", AND, "choice", symmetric=True),
    "or": _infix(r"\lor", "or", OR, "choice", symmetric=True),
    "not": Notation(r"\neg {0}", "not", NOT, (RELATION,), "choice"),
    "stop_gradient": _function(r"\operatorname{sg}", "stop", "move"),
    "surrogate": _function(r"\operatorname{surrogate}", "surr", "gate", 2),
    "amax": _function(r"\max", "max", "reduce"),
    "amin": _function(r"\min", "min", "reduce"),
    "sum": _function(r"\operatorname{sum}", "Σ", "reduce"),
    "eye": Notation(r"\mathbf{{I}}_{{{n}}}", "I", ATOM, (), "source"),
    "arange": Notation(r"\operatorname{{arange}}\left({n}\right)", "0…n", ATOM, (), "source"),
    # complex numbers
    "real": _function(r"\operatorname{Re}", "Re"),
    "imag": _function(r"\operatorname{Im}", "Im"),
    "conj": Notation(r"\overline{{{0}}}", "z̄", ATOM, (0,), "gate"),
    "imaginary": Notation(r"{0} \cdot \mathrm{{i}}", "i", PRODUCT, (PRODUCT,), "source"),
    "pair": Notation("{0}", "+0i", ATOM, (ATOM,)),
    # composites
    "grad": Notation(r"\nabla_{{{1}}} {0}", "∇", POWER, (ATOM, 0)),
    "norm": Notation(r"\left\|{0}\right\|", "‖x‖", ATOM, (0,), "reduce"),
    "conv": Notation(r"{1} \ast {0}", "conv", MATRIX, (MATRIX + 1, MATRIX), "product"),
    "mean": _function(r"\operatorname{mean}", "mean", "reduce"),
    "logsumexp": _function(r"\operatorname{logsumexp}", "lse", "reduce"),
    "standardise": _function(r"\operatorname{LN}", "LN", "gate", 1),
    "rms": _function(r"\operatorname{RMS}", "rms", "gate", 1),
}  # fmt: skip

MATMUL = Notation(r"{0} \, {1}", "@", MATRIX, (MATRIX, MATRIX + 1), "product")
DOT = Notation(r"\left\langle {0}, {1} \right\rangle", "·", ATOM, (0, 0), "product", True)
OUTER = Notation(r"{0} \otimes {1}", "⊗", MATRIX, (MATRIX + 1, MATRIX + 1), "product")
KINDS: dict[str, Kind] = {"shape": "move", "reduce": "reduce", "scan": "reduce",
                          "contract": "product", "source": "source", "rows": "reduce"}  # fmt: skip


def kind_of(op: str) -> str:
    """The kind of an operation; those of complex numbers alone are of each element."""
    return OPS[op].kind if op in OPS else "elementwise"


def notation_of(name: str, kind: str, count: int) -> Notation:
    """The entry of an operation or composite; `kind` is its kind in the table of operations."""
    if name in NOTATION:
        return NOTATION[name]
    return function_notation(name, count, KINDS.get(kind, "gate"))


def function_notation(name: str, count: int, kind: Kind = "gate") -> Notation:
    """A function by its name."""
    return _function(_named(name), name, kind, count)


def product_notation(spec: str) -> Notation:
    """The entry of an `einsum`."""
    operands, result = spec.split("->")
    left, right = operands.split(",")
    if _is_matmul(left, right, result):
        return MATMUL
    if len(left) == 1 and left == right and not result:
        return DOT
    if len(left) == len(right) == 1 and left + right == result:
        return OUTER
    head = rf"\operatorname{{einsum}}_{{{left},{right} \to {result}}}"
    return _function(head, "einsum", "product", 2)


def _is_matmul(left: str, right: str, result: str) -> bool:
    """Whether NumPy's `@` gives this."""
    if len(right) == 1:
        return len(left) == 2 and left[1] == right and result == left[0]
    if not left or not right or left[-1] != right[-2]:
        return False
    if len(right) == 2:
        return result == left[:-1] + right[1]
    return left[:-2] == right[:-2] and result == left[:-1] + right[-1]
