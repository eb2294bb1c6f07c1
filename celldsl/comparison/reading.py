"""Cells as terms.  In: a path, or a file's syntax tree.  Out: Equations.

    equations = equations_of(example_path("gru"))
    equations.after["h"]        the Term of h', with the values in it put in their places
    nearest_to(equations, all_equations(), 5, "gru")
                                [("chung_gru", …), …]: cells with their equations, most alike first

Hyperparameters stand at their defaults.  A loop is read once, as one of its iterations.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice

from celldsl.comparison.term import (
    Term,
    alike,
    bag,
    linear,
    negated,
    number,
    parts,
    product,
    total,
    weights_of,
)
from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.errors import CellError
from celldsl.structs import entity, field, record
from celldsl.syntax import ast
from celldsl.syntax.limits import read_source
from celldsl.syntax.parse import parse
from celldsl.zoo_index import CellFile, cell_name, class_name, example_paths

# A value with more parts than this is known by its name alone: what is used twice doubles.
LARGE = 600
GATES = {"linear", "group_linear", "conv"}
SPREADING = {"layer_norm", "rms_norm"}  # over groups, each by itself


@record
class Equations:
    """`after` are next states, `outputs` by name; `named` are the values in between, by name."""

    cell: str
    inputs: tuple[str, ...]
    states: tuple[str, ...]
    params: tuple[str, ...]
    after: dict[str, Term]
    outputs: dict[str, Term]
    named: dict[str, Term]

    def bag(self) -> Counter[str]:
        """All parts of what goes out, and how many products with weights there are."""
        ends = self.ends().values()
        return bag(ends) + Counter({"weights": 2 * len(weights_of(ends))})

    def ends(self) -> dict[str, Term]:
        """Everything that goes out of a step."""
        return {**{f"{n}'": t for n, t in self.after.items()}, **self.outputs}


def read_equations(file: ast.File, name: str) -> Equations:
    cells = {item.name.id: item for item in file.items if isinstance(item, ast.Cell)}
    functions = {item.name.id: item for item in file.items if isinstance(item, ast.Def)}
    reader = _Reader(functions)
    reader.declare(cells[name])
    reader.run(cells[name].body)
    return Equations(
        name,
        tuple(reader.of_kind("input")),
        tuple(reader.of_kind("state")),
        tuple(reader.of_kind("param")),
        {n: t for n, t in reader.after.items() if "." not in n},
        {n: t for n, t in reader.outputs.items() if t.op != "next"},
        {n: t for n, t in reader.values.items() if t.name == n},
    )


@entity
class _Reader:
    functions: dict[str, ast.Def]
    values: dict[str, Term] = field(default_factory=dict)
    after: dict[str, Term] = field(default_factory=dict)
    outputs: dict[str, Term] = field(default_factory=dict)
    choices: dict[str, ast.Expr] = field(default_factory=dict)
    products: int = 0

    def of_kind(self, kind: str) -> list[str]:
        """Declared names; `v = x` gives an input another name, and is no input."""
        return [n for n, term in self.values.items() if term.op == kind and term.text == n]

    def declare(self, cell: ast.Cell) -> None:
        for hyper in cell.hyper:
            if hyper.default is not None:
                self.choices[hyper.id] = hyper.default

    def run(self, body: tuple[ast.Statement, ...]) -> None:
        for statement in body:
            self.statement(statement)

    def statement(self, s: ast.Statement) -> None:
        match s:
            case ast.Input(names) | ast.State(names) | ast.Param(names) | ast.Const(names):
                kind = type(s).__name__.lower()
                for declared in names:
                    self.values[declared.id] = Term(kind, (), declared.id)
            case ast.Equation(targets, value):
                self.equation(targets, value)
            case ast.If(condition, body, orelse):
                self.run(body if self.holds(condition) else orelse or ())
            case ast.For(variable, _, _, body):
                self.values[variable.id] = Term("name", (), variable.id)
                self.run(body)
            case ast.Output(names):
                for name in names:
                    self.outputs[name.id] = self.term(name)
            case _:
                pass

    def equation(self, targets: tuple[ast.Target, ...], value: ast.Expr) -> None:
        term = self.term(value)
        for place, target in enumerate(targets):
            piece = term if len(targets) == 1 else _piece(term, place, len(targets))
            if sum(1 for _ in islice(parts(piece), LARGE + 1)) > LARGE:
                piece = Term("name", (), target.id)
            if target.primed:
                self.after[target.id] = piece.named(f"{target.id}'")
            else:
                self.values[target.id] = piece.named(target.id)

    def holds(self, condition: ast.Expr) -> bool:
        """With hyperparameters at their defaults; what needs a size is taken to hold."""
        match condition:
            case ast.Boolean(value):
                return value
            case ast.Name(name) if name in self.choices:
                return self.holds(self.choices[name])
            case ast.Unary("not", operand):
                return not self.holds(operand)
            case ast.Binary("and", left, right):
                return self.holds(left) and self.holds(right)
            case ast.Binary("or", left, right):
                return self.holds(left) or self.holds(right)
        return True

    def term(self, e: ast.Expr) -> Term:
        match e:
            case ast.Number():
                return number(e.value)
            case ast.Imaginary():
                return Term("name", (), f"{e.value:g}i")
            case ast.Name(name, primed):
                return self.name(name, primed)
            case ast.Attribute(owner, name, primed):
                return Term("part", (), f"{owner}.{name}" + "'" * primed)
            case ast.Unary(op, operand):
                value = self.term(operand)
                return negated(value) if op == "-" else value
            case ast.Binary(op, left, right):
                return self.binary(op, self.term(left), self.term(right))
            case ast.Call():
                return self.call(e)
            case ast.ListOf(items):
                return Term("list", tuple(self.term(item) for item in items))
            case ast.Over(function, variable, low, high, body):
                ends = self.term(low), self.term(high)
                return Term("over", (*ends, self.term(body)), f"{function} {variable.id}")
            case ast.Index(value, items):
                return Term("slice", (self.term(value),), _index_text(items))
        return Term("name", (), str(getattr(e, "value", "")))

    def name(self, name: str, primed: bool) -> Term:
        if primed:
            return Term("next", (), name)
        if name in self.values:
            return self.values[name]
        default = self.choices.get(name)
        if isinstance(default, ast.Name):
            return Term("name", (), default.id)
        return Term("name", (), name) if default is None else self.term(default)

    def binary(self, op: str, left: Term, right: Term) -> Term:
        match op:
            case "+":
                return total([left, right])
            case "-":
                return total([left, negated(right)])
            case "*":
                return product([left, right])
            case "@" if right.op in ("param", "const"):
                return linear([left], "none", (right.text,))
            case "@" if left.op in ("param", "const"):
                return linear([right], "none", (left.text,))
            case "/":
                return Term("divide", (left, right))
            case "**":
                return Term("power", (left, right))
        return Term("matmul" if op == "@" else "compare", (left, right), op)

    def call(self, e: ast.Call) -> Term:
        args = tuple(self.term(arg) for arg in e.args)
        if e.function in GATES:
            operands = args[0].args if args[0].op == "list" else args[:1]
            self.products += 1
            made = linear(operands, self.bias(e), (f"{self.products}",))
            return (
                made
                if e.function == "linear"
                else Term(e.function, made.args, made.text, "", made.weights)
            )
        if e.function == "split":
            return Term("split", args[:1])
        if e.function in self.functions:
            return self.inlined(self.functions[e.function], args)
        chosen = self.choices.get(e.function)
        function = chosen.id if isinstance(chosen, ast.Name) else e.function
        if function != e.function and function in self.functions:
            return self.inlined(self.functions[function], args)
        groups = any(keyword.name == "groups" for keyword in e.keywords)
        return Term(function, args, "in groups" if groups and function in SPREADING else "")

    def bias(self, e: ast.Call) -> str:
        """Where the bias begins: "0", "none", or what is written."""
        for keyword in e.keywords:
            if keyword.name == "bias":
                value = keyword.value
                if isinstance(value, ast.Boolean):
                    return "0" if value.value else "none"
                return str(self.term(value))
        return "0"

    def inlined(self, function: ast.Def, args: tuple[Term, ...]) -> Term:
        outer = dict(self.values)
        for argument, value in zip(function.args, args, strict=False):
            self.values[argument.id] = value
        found = Term("name", (), function.name.id)
        for statement in function.body:
            if isinstance(statement, ast.Return):
                values = [self.term(value) for value in statement.values]
                found = values[0] if len(values) == 1 else Term("tuple", tuple(values))
            else:
                self.statement(statement)
        self.values = outer
        return found


def _piece(term: Term, place: int, count: int) -> Term:
    """One of the values that an equation defines at once."""
    if term.op == "split":
        return _piece_of(term.args[0], place, count)
    if term.op == "tuple":
        return term.args[place]
    return Term("piece", (term,), str(place))


def _piece_of(term: Term, place: int, count: int) -> Term:
    """Pieces of products with weights are such products, and elementwise functions go inside."""
    match term.op:
        case "linear" | "group_linear" | "conv":
            weights = (*term.weights, f"{place}/{count}")
            return Term(term.op, term.args, term.text, "", weights)
        case "layer_norm" | "rms_norm" if term.text == "in groups":
            return Term(term.op, (_piece_of(term.args[0], place, count),))
        case "sigmoid" | "tanh" | "relu" | "hard_sigmoid" | "negate":
            return Term(term.op, tuple(_piece_of(a, place, count) for a in term.args), term.text)
        case "sum":
            return total(_piece_of(a, place, count) for a in term.args)
        case "param":
            return term
    return Term("piece", (term,), f"{place + 1} of {count}")


def _index_text(items: tuple[ast.Expr | ast.Range, ...]) -> str:
    return ",".join(":" if isinstance(item, ast.Range) else item.span.text for item in items)


# ---------------------------------------------------------------- cells by their files

LEAST = 0.2  # what has less in common is no relative


def equations_of(path: CellFile) -> Equations:
    """Those of the file's last cell.  Raises CellError and OSError where it cannot be read."""
    report = Report()
    source = read_source(path, report)
    file = None if source is None else parse(source, report)
    if file is None or report.has_errors:
        raise CellError(report.diagnostics)
    return read_equations(file, class_name(path))


def all_equations() -> dict[str, Equations]:
    return {cell_name(path): equations_of(path) for path in example_paths()}


def nearest_to(
    one: Equations, others: dict[str, Equations], count: int, own: str = ""
) -> list[tuple[str, Equations]]:
    """The cells with the most parts in common, without the one that is called `own`."""
    seen = one.bag()
    rated = [(alike(seen, found.bag()), name) for name, found in others.items() if name != own]
    best = sorted((rated for rated in rated if rated[0] >= LEAST), key=lambda r: (-r[0], r[1]))
    return [(name, others[name]) for _, name in best[:count]]
