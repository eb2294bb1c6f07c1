r"""Equations as papers print them.  In: a syntax tree.  Out: LaTeX.

    print(cell_latex(cell))
    \begin{aligned}
      h_{t} &= u_{t} \odot h_{t-1} + \left(1 - u_{t}\right) \odot c_{t}
    \end{aligned}

States have a time: `h` is h_{t-1}, `h'` is h_t, and so is every other value that changes.  Vectors
are rows, as in the code; `linear` is written out, and an initial value of its bias is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from celldsl.syntax import ast
from celldsl.syntax.unicode import GREEK

GREEK_NAMES = frozenset(GREEK.values())
# Of letters that LaTeX has no command for, because a Latin one looks the same.
LATIN = {"omicron", "Alpha", "Beta", "Epsilon", "Zeta", "Eta", "Iota", "Kappa", "Mu", "Nu",
         "Omicron", "Rho", "Tau", "Chi"}  # fmt: skip
OPERATORS = {
    "+": " + ", "-": " - ", "*": r" \odot ", "@": r" \, ", "%": r" \bmod ", "==": " = ",
    "!=": r" \neq ", "<": " < ", "<=": r" \leq ", ">": " > ", ">=": r" \geq ",
    "and": r" \land ", "or": r" \lor ",
}  # fmt: skip
LEVELS = {"or": 1, "and": 2, "==": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4, "+": 5, "-": 5,
          "*": 6, "@": 6, "%": 6, "/": 9, "**": 8}  # fmt: skip
FUNCTIONS = {"tanh", "exp", "log", "sin", "cos", "tan", "max", "min"}
SIGMA = {"sigmoid": r"\sigma"}
TIMELESS = 9


class Latex:
    """Knows which names are states, and which stay the same from step to step."""

    def __init__(self, cell: ast.Cell) -> None:
        body = list(_statements(cell.body))
        self.states = {n.id for s in body if isinstance(s, ast.State) for n in s.names}
        self.still = {n.id for s in body if isinstance(s, ast.Param | ast.Const) for n in s.names}
        self.still |= {d.id for d in cell.dims} | {h.id for h in cell.hyper}
        self.still |= {s.variable.id for s in body if isinstance(s, ast.For)}
        self.owner = ""

    def equation(self, equation: ast.Equation) -> str:
        self.owner = ",".join(symbol(target.id) for target in equation.targets)
        targets = [self._target(target) for target in equation.targets]
        left = targets[0] if len(targets) == 1 else rf"({', '.join(targets)})"
        return f"{left} &= {self.expr(equation.value)}"

    def _target(self, target: ast.Target) -> str:
        index = "" if target.index is None else f", {self.expr(target.index)}"
        return f"{symbol(target.id)}_{{t{index}}}"

    def expr(self, e: ast.Expr, level: int = 0) -> str:
        """`level` is how tightly what stands around binds."""
        match e:
            case ast.Number(value=value):
                return r"\infty" if value == float("inf") else f"{value}"
            case ast.Boolean(value=value):
                return rf"\mathrm{{{str(value).lower()}}}"
            case ast.String(value=value):
                return rf"\text{{{value}}}"
            case ast.Name(id=name, primed=primed):
                return self._name(name, primed)
            case ast.Attribute(owner=owner, id=name, primed=primed):
                return rf"{symbol(name)}^{{{symbol(owner)}}}_{{{'t' if primed else 't-1'}}}"
            case ast.Unary(op=op, operand=operand):
                sign = r"\neg " if op == "not" else op
                return _in_brackets(sign + self.expr(operand, 7), level > 6)
            case ast.Binary():
                return self._binary(e, level)
            case ast.Call():
                return _in_brackets(self._call(e), e.function == "linear" and level > LEVELS["+"])
            case ast.ListOf(items=items):
                return rf"[{', '.join(self.expr(item) for item in items)}]"
            case ast.Index(value=value, items=items):
                return f"{self.expr(value, TIMELESS)}[{', '.join(map(self._item, items))}]"

    def _name(self, name: str, primed: bool) -> str:
        if name in self.still:
            return symbol(name)
        time = "t-1" if name in self.states and not primed else "t"
        return f"{symbol(name)}_{{{time}}}"

    def _binary(self, e: ast.Binary, level: int) -> str:
        own = LEVELS[e.op]
        if e.op == "/":
            return rf"\frac{{{self.expr(e.left)}}}{{{self.expr(e.right)}}}"
        if e.op == "**":
            return f"{{{self.expr(e.left, TIMELESS)}}}^{{{self.expr(e.right)}}}"
        sign = OPERATORS[e.op]
        if e.op == "*" and isinstance(e.left, ast.Number):
            sign = r" \, "
        text = self.expr(e.left, own) + sign + self.expr(e.right, own + 1)
        return _in_brackets(text, level > own)

    def _call(self, e: ast.Call) -> str:
        args = [self.expr(arg) for arg in e.args]
        match e.function, args:
            case "linear", [_, *_]:
                return self._linear(e)
            case "sqrt", [x]:
                return rf"\sqrt{{{x}}}"
            case "abs", [x]:
                return rf"\left|{x}\right|"
            case "where", [c, a, b]:
                return rf"\begin{{cases}} {a} & {c} \\ {b} & \text{{else}} \end{{cases}}"
        args += [rf"\text{{{_word(k.name)}}} = {self.expr(k.value)}" for k in e.keywords]
        return rf"{_function(e.function)}\left({', '.join(args)}\right)"

    def _linear(self, e: ast.Call) -> str:
        """Rows times weights, which are named after the equation and the operand."""
        first = e.args[0]
        operands = first.items if isinstance(first, ast.ListOf) else (first,)
        terms = []
        for place, operand in enumerate(operands):
            name = symbol(operand.id) if isinstance(operand, ast.Name) else str(place)
            terms.append(f"{self.expr(operand, TIMELESS)} \\, W^{{({self.owner})}}_{{{name}}}")
        biased = all(
            k.name != "bias" or not isinstance(k.value, ast.Boolean) or k.value.value
            for k in e.keywords
        )
        return " + ".join([*terms, *([f"b^{{({self.owner})}}"] if biased else [])])

    def _item(self, item: ast.Expr | ast.Range) -> str:
        if isinstance(item, ast.Range):
            low, high = ("" if x is None else self.expr(x) for x in (item.low, item.high))
            return f"{low}:{high}"
        return self.expr(item)


def cell_latex(cell: ast.Cell) -> str:
    """All equations of a cell, aligned at their equals signs."""
    latex = Latex(cell)
    lines = [latex.equation(s) for s in _statements(cell.body) if isinstance(s, ast.Equation)]
    body = " \\\\\n".join(f"  {line}" for line in lines)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def _statements(body: Iterable[ast.Statement]) -> Iterator[ast.Statement]:
    for statement in body:
        yield statement
        match statement:
            case ast.For(body=inner):
                yield from _statements(inner)
            case ast.If(body=inner, orelse=other):
                yield from _statements((*inner, *(other or ())))


def symbol(name: str) -> str:
    r"""`gamma_x` is \gamma_x with its index above, since the time stands below: \gamma^{x}."""
    head, *rest = name.strip("_").split("_")
    match = re.fullmatch(r"([A-Za-z]+)(\d+)", head)
    letters, digits = (match[1], [match[2]]) if match else (head, [])
    first = _letters(letters)
    above = ",".join([*digits, *map(_letters, rest)])
    return rf"{first}^{{{above}}}" if above else first


def _letters(word: str) -> str:
    if word in GREEK_NAMES and word not in LATIN:
        return f"\\{word}"
    return word if len(word) == 1 or word.isdigit() else rf"\mathit{{{word}}}"


def _function(name: str) -> str:
    if name in FUNCTIONS:
        return f"\\{name}"
    return SIGMA.get(name, rf"\operatorname{{{_word(name)}}}")


def _word(name: str) -> str:
    return name.replace("_", r"\_")


def _in_brackets(text: str, needed: bool) -> str:
    return rf"\left({text}\right)" if needed else text
