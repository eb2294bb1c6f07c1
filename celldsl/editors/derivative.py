"""Derivatives as one writes them down.  In: an equation.  Out: a line for each thing it is made of.

    slopes(`h' = u * h + (1 - u) * c`)      [("u", "h - c"), ("h", "u"), ("c", "1 - u")]
    slopes(`z = sigmoid(linear(x, H))`)     [("linear(x, H)", "z * (1 - z)")]

The rules are those of the operations, which the compiler differentiates by.  What is not
elementwise (a product, a sum, a softmax) stands for itself.  Sums of parts are not multiplied out.
"""

from __future__ import annotations

from typing import Any

from celldsl.ir.ops.spelling import scalar_value
from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Node, Rows, Type
from celldsl.ir.size import Shape
from celldsl.semantics.builtins.table import PRELUDE, definition_of
from celldsl.syntax import ast

INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "mod": "%", "pow": "**",
         "lt": "<", "le": "<=", "eq": "==", "ne": "!="}  # fmt: skip
SPELLED = {sign: op for op, sign in INFIX.items()} | {">": "lt", ">=": "le"}
LEVEL = {"add": 2, "sub": 2, "mul": 3, "div": 3, "mod": 3, "pow": 5, "neg": 4,
         "lt": 1, "le": 1, "eq": 1, "ne": 1}  # fmt: skip
ATOM, LONGEST, MOST = 6, 160, 400
KIND = Type((), Rows.STEP)
Parts = tuple[str, tuple[str, ...]]


class TooLong(Exception):
    """More than anybody would read."""


class Expressions:
    """Values by name, simplified as they are made: what derivatives append to."""

    def __init__(self) -> None:
        self.made: dict[str, Parts] = {}
        self.texts: dict[str, str] = {}
        self.numbers: dict[str, float] = {}

    # ------------------------------------------------------------ as `NodeBuilder`

    def op(self, name: str, *args: str | float, **attributes: Any) -> str:
        values = tuple(a if isinstance(a, str) else self.number(a) for a in args)
        return self._simpler(name, values) or self.new(name, values)

    def number(self, value: float) -> str:
        name = f"#{value!r}"
        self.numbers[name] = float(value)
        return name

    def broadcast(self, value: str, shape: Shape) -> str:
        return value

    def shape(self, value: str) -> Shape:
        return ()

    # ------------------------------------------------------------ values

    def leaf(self, text: str) -> str:
        name = f"${text}"
        self.texts[name] = text
        return name

    def new(self, op: str, args: tuple[str, ...]) -> str:
        name = f"{op}({','.join(args)})"
        if len(self.made) > MOST or len(name) > 20 * LONGEST:
            raise TooLong
        self.made[name] = op, args
        return name

    def _simpler(self, op: str, args: tuple[str, ...]) -> str | None:
        """Without a factor of 1, a summand of 0, two signs; None where it stays as it is."""
        known = [self.numbers.get(arg) for arg in args]
        numbers = [number for number in known if number is not None]
        if op in LEVEL and len(numbers) == len(args):
            return self.number(float(scalar_value(op, numbers)))
        if op == "neg" and self.made.get(args[0], ("",))[0] == "neg":
            return self.made[args[0]][1][0]
        match op, known:
            case ("add", [0.0, _]) | ("mul", [1.0, _]):
                return args[1]
            case ("add" | "sub", [_, 0.0]) | ("mul" | "div" | "pow", [_, 1.0]):
                return args[0]
            case ("mul", [0.0, _]) | ("mul", [_, 0.0]) | ("div", [0.0, _]):
                return self.number(0.0)
            case ("sub", [0.0, _]):
                return self.op("neg", args[1])
            case ("mul", [-1.0, _]):
                return self.op("neg", args[1])
            case ("mul", [_, -1.0]):
                return self.op("neg", args[0])
            case ("where", [float(condition), _, _]):
                return args[1] if condition else args[2]
            case ("where", _) if args[1] == args[2]:
                return args[1]
        return self._signs(op, args)

    def _signs(self, op: str, args: tuple[str, ...]) -> str | None:
        inner = [self.made.get(arg, ("", ())) for arg in args]
        negative = [op_ == "neg" for op_, _ in inner]
        if op == "add" and any(negative):
            a, b = args if negative[1] else args[::-1]
            return self.op("sub", a, self.made[b][1][0])
        if op == "sub" and negative[1]:
            return self.op("add", args[0], inner[1][1][0])
        if op in ("mul", "div") and any(negative):
            bare = [i[1][0] if n else a for i, n, a in zip(inner, negative, args, strict=True)]
            value = self.op(op, *bare)
            return value if all(negative) else self.op("neg", value)
        return None

    # ------------------------------------------------------------ text

    def text(self, value: str) -> str:
        return self._written(value)[0]

    def _written(self, value: str) -> tuple[str, int]:
        if value in self.numbers:
            number = self.numbers[value]
            return f"{number:g}", ATOM if number >= 0 else LEVEL["neg"]
        if value in self.texts:
            return self.texts[value], ATOM
        op, args = self.made[value]
        if op in INFIX:
            level = LEVEL[op]
            left = self._within(args[0], level + (op == "pow"))
            right = self._within(args[1], level + (op != "pow"))
            return f"{left} {INFIX[op]} {right}", level
        if op == "neg":
            return f"-{self._within(args[0], LEVEL['mul'])}", LEVEL["sub"]
        return f"{op}({', '.join(self.text(arg) for arg in args)})", ATOM

    def _within(self, value: str, level: int) -> str:
        text, own = self._written(value)
        return text if own >= level else f"({text})"


class Derivation:
    """One equation: its nodes in order, and the values that it is made of."""

    def __init__(self) -> None:
        self.values = Expressions()
        self.nodes: list[Node] = []
        self.sources: dict[str, str] = {}

    def value(self, e: ast.Expr, given: dict[str, str] | None = None) -> str:
        match e:
            case ast.Number(value):
                return self.values.number(value)
            case ast.Name(id) if given is not None and id in given:
                return given[id]
            case ast.Unary("-", operand):
                return self._node("neg", [self.value(operand, given)])
            case ast.Unary("+", operand):
                return self.value(operand, given)
            case ast.Binary(sign, left, right) if sign in SPELLED:
                args = [self.value(left, given), self.value(right, given)]
                return self._node(SPELLED[sign], args[::-1] if sign in (">", ">=") else args)
            case ast.Call(function, args, ()) if _is_elementwise(function, len(args)):
                return self._node(function, [self.value(arg, given) for arg in args])
            case ast.Call(function, args, ()) if function in PRELUDE and len(args) == 1:
                definition = definition_of(function).definition
                assert definition is not None
                (body,) = definition.body
                assert isinstance(body, ast.Return)
                inner = {definition.args[0].id: self.value(args[0], given)}
                return self.value(body.values[0], inner)
        return self._source(e)

    def _source(self, e: ast.Expr) -> str:
        text = " ".join(e.span.text.split())
        name = self.values.leaf(text if isinstance(e, ast.Name | ast.Call) else f"({text})")
        self.sources[name] = text
        return name

    def _node(self, op: str, args: list[str]) -> str:
        name = self.values.new(op, tuple(args))
        self.nodes.append(Node(name, op, tuple(args), KIND))
        return name

    def slopes(self, value: str, cotangent: str) -> list[tuple[str, str]]:
        """Of `value` by each of its sources, in the order in which they stand."""
        slopes = {value: cotangent}
        for node in reversed(list(dict.fromkeys(self.nodes))):
            rule, d = OPS[node.op].gradient, slopes.get(node.name)
            if d is None or rule is None:
                continue
            for arg, part in zip(node.args, rule(self.values, node, d), strict=True):
                if part is not None and arg not in self.values.numbers:
                    slopes[arg] = (
                        self.values.op("add", slopes[arg], part) if arg in slopes else part
                    )
        found = [(text, slopes[name]) for name, text in self.sources.items() if name in slopes]
        return [(text, told) for text, d in found if len(told := self.values.text(d)) <= LONGEST]


def slopes(equation: ast.Equation) -> list[tuple[str, str]]:
    """What an equation's value changes by, for each of what it is made of.

    `split` hands on, so the slope is that of each part; nothing is told of several values else.
    """
    value, names = equation.value, [t.id + "'" * t.primed for t in equation.targets]
    if isinstance(value, ast.Call) and value.function == "split" and value.args:
        value = value.args[0]
    elif len(names) > 1:
        return []
    made = Derivation()
    try:
        top = made.value(value)
        if top not in made.values.made:
            return []
        # The value has a name, which is shorter than what it is made of.
        if len(names) == 1:
            made.values.texts[top] = names[0]
        return made.slopes(top, made.values.number(1.0))
    except (TooLong, ArithmeticError, ValueError):
        return []


def slope_of(function: str) -> str | None:
    """The derivative of a function of one number, by its argument `v`; None where it has none."""
    made = Derivation()
    call = _call(function)
    try:
        top = made.value(call)
        found = made.slopes(top, made.values.number(1.0)) if top not in made.sources else []
    except (TooLong, ArithmeticError, ValueError):
        return None
    return next((told for text, told in found if text == "v"), None)


def _call(function: str) -> ast.Call:
    from celldsl.diagnostics.span import Source, Span

    source = Source("", f"{function}(v)")
    whole = Span(source, 0, len(source.text))
    inside = Span(source, len(function) + 1, len(function) + 2)
    name = Span(source, 0, len(function))
    return ast.Call(function, (ast.Name("v", span=inside),), (), name_span=name, span=whole)


def _is_elementwise(function: str, count: int) -> bool:
    """Whether the language's function of that name is an elementwise operation."""
    entry = OPS.get(function)
    return entry is not None and entry.kind == "elementwise" and entry.arity == count
