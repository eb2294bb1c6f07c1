"""Expressions of the concrete tree.  In: trees and tokens.  Out: `ast.Expr` with spans.

    a < b < c       refused with what may have been meant: `a < b and b < c`
    r * U @ h       refused with both readings: `(r * U) @ h` or `r * (U @ h)`

The grammar takes these two so that they can be shown whole.
"""

from __future__ import annotations

from itertools import pairwise

from celldsl.diagnostics.diagnostic import Fix, Report
from celldsl.diagnostics.span import Source, Span
from celldsl.structs import replace
from celldsl.syntax import ast
from celldsl.syntax.lexer import Children, Part, Tree

MAX_DEPTH = 150
MAX_INTEGER = 2**53


class ExpressionBuilder:
    """Holds the source that spans are of, and the report."""

    def __init__(self, source: Source, report: Report) -> None:
        self.source = source
        self.report = report
        # Every name that is read, for what can only be said when the whole cell is known.
        self.read: list[ast.Name] = []

    # ------------------------------------------------------------ spans

    def span(self, part: Part) -> Span:
        return Span(self.source, part.start, part.end)

    def span_of(self, children: Children) -> Span:
        return Span(self.source, children[0].start, children[-1].end)

    # ------------------------------------------------------------ leaves

    def declared(self, part: Part) -> ast.Declared:
        return ast.Declared(str(part), span=self.span(part))

    def name(self, part: Part) -> ast.Name:
        text = str(part)
        return ast.Name(text.rstrip("'"), text.endswith("'"), span=self.span(part))

    def keyword(self, tree: Tree) -> ast.Keyword:
        name, _, value = tree.children
        return ast.Keyword(str(name), self._build(value), span=self.span(tree))

    def shape(self, part: Part) -> ast.ListOf:
        assert isinstance(part, Tree)
        items = tuple(self._build(child) for child in _members(part.children))
        return ast.ListOf(items, span=self.span(part))

    # ------------------------------------------------------------ expressions

    def expression(self, part: Part) -> ast.Expr:
        """A whole expression; one that is too deep is reported and read as 0."""
        if _depth(part) > MAX_DEPTH:
            self.report.add(
                "E0004",
                f"an expression of more than {MAX_DEPTH} operations inside each other",
                self.span(part),
                help="give the inner part a name in an equation of its own",
            )
            return ast.Number(0, span=self.span(part))
        return self._build(part)

    def _build(self, part: Part) -> ast.Expr:
        assert isinstance(part, Tree)
        children = part.children
        span = self.span(part)
        match part.data:
            case "name":
                self.read.append(name := self.name(children[0]))
                return name
            case "number":
                return self._number(str(children[0]), span)
            case "imaginary":
                found = self._number(str(children[0])[:-1], span)
                return ast.Imaginary(float(found.value), span=span)
            case "chain":
                return self._chain(children)
            case "product":
                report_products(children, self.source, self.report)
                return self._chain(children)
            case "comparison":
                report_comparisons(children, self.source, self.report)
                return self._chain(children)
            case "call":
                return self._call(children, span)
            case "over":
                return self._over(children, span)
            case "parentheses":
                return replace(self._build(children[1]), span=span)
            case "unary":
                return ast.Unary(str(children[0]), self._build(children[1]), span=span)
            case "index":
                items = tuple(self._index_item(child) for child in _members(children[1:]))
                return ast.Index(self._build(children[0]), items, span=span)
            case "attribute":
                state = str(children[2])
                primed = state.endswith("'")
                return ast.Attribute(str(children[0]), state.rstrip("'"), primed, span=span)
            case "shape":
                return self.shape(part)
            case "boolean":
                return ast.Boolean(str(children[0]) == "true", span=span)
            case "infinity":
                return ast.Number(float("inf"), span=span)
            case _:
                return ast.String(str(children[0])[1:-1], span=span)

    def _number(self, text: str, span: Span) -> ast.Number:
        value = int(text) if text.isdigit() else float(text)
        if value == float("inf") or (isinstance(value, int) and value > MAX_INTEGER):
            help = "write `inf` for infinity" if value == float("inf") else None
            self.report.add("E0012", f"the number `{span.text[:24]}` is too large", span, help=help)
            value = 0
        return ast.Number(value, span=span)

    def _chain(self, children: Children) -> ast.Expr:
        """`a - b + c` leans left; a chain of two, such as a power, has one way to lean."""
        left = self._build(children[0])
        for at in range(1, len(children), 2):
            right = self._build(children[at + 1])
            left = ast.Binary(str(children[at]), left, right, span=left.span.until(right.span))
        return left

    def _call(self, children: Children, span: Span) -> ast.Call:
        name = children[0]
        args: list[ast.Expr] = []
        keywords: list[ast.Keyword] = []
        late = False
        for child in _members(children[1:]):
            if child.data == "keyword":
                keywords.append(self.keyword(child))
                continue
            args.append(self._build(child))
            if keywords and not late:
                late = True
                message = "an argument without a name stands after one with a name"
                help = "put the arguments without names first"
                self.report.add("E0010", message, args[-1].span, help=help)
        return ast.Call(
            str(name), tuple(args), tuple(keywords), name_span=self.span(name), span=span
        )

    def _over(self, children: Children, span: Span) -> ast.Over:
        """NAME ( for NAME in low .. high : body )"""
        low, high, body = (child for child in children if isinstance(child, Tree))
        return ast.Over(
            str(children[0]),
            self.declared(children[3]),
            self._build(low),
            self._build(high),
            self._build(body),
            name_span=self.span(children[0]),
            span=span,
        )

    def _index_item(self, tree: Tree) -> ast.Expr | ast.Range:
        if tree.data != "range":
            return self._build(tree)
        sides = tree.children
        low = self._build(sides[0]) if isinstance(sides[0], Tree) else None
        high = self._build(sides[-1]) if isinstance(sides[-1], Tree) else None
        return ast.Range(low, high, span=self.span(tree))


def _members(children: Children) -> list[Tree]:
    """The parts of a bracket; a `?given` that is a keyword is one of them."""
    trees = [child for child in children if isinstance(child, Tree)]
    return [t.children[0] if t.data == "given" else t for t in trees]  # type: ignore[misc]


def _depth(part: Part) -> int:
    """How deep the syntax tree will be; a chain of n operators leans n deep."""
    deepest = 0
    waiting: list[tuple[Part, int]] = [(part, 1)]
    while waiting:
        tree, depth = waiting.pop()
        deepest = max(deepest, depth)
        if isinstance(tree, Tree):
            lean = len(tree.children) // 2 if tree.data in ("chain", "product", "comparison") else 1
            waiting += [(child, depth + lean) for child in tree.children if isinstance(child, Tree)]
    return deepest


# ---------------------------------------------------------------- operators that say two things


def report_products(children: Children, source: Source, report: Report) -> None:
    """`@` beside `*`, `/` or `%` needs parentheses."""
    operators = children[1::2]
    for at, (left, right) in enumerate(pairwise(operators)):
        if (left == "@") == (right == "@"):
            continue
        parts = [source.text[child.start : child.end] for child in children[2 * at : 2 * at + 5]]
        a, first, b, second, c = parts
        span = Span(source, children[2 * at].start, children[2 * at + 4].end)
        report.add(
            "E0014",
            f"`@` next to `{left if right == '@' else right}` needs parentheses",
            span,
            "this can be read in two ways",
            help=f"write `({a} {first} {b}) {second} {c}` or `{a} {first} ({b} {second} {c})`",
        )
        return


def report_comparisons(children: Children, source: Source, report: Report) -> None:
    """Comparisons do not chain."""
    if len(children) <= 3:
        return
    a, first, b, second, c = (source.text[child.start : child.end] for child in children[:5])
    span = Span(source, children[0].start, children[-1].end)
    better = f"{a} {first} {b} and {b} {second} {c}"
    fix = Fix(span, better) if len(children) == 5 else None
    report.add("E0015", "comparisons do not chain", span, help=f"write `{better}`", fix=fix)
