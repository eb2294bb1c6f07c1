"""Concrete tree to syntax tree.  In: the tree of a file.  Out: `ast.File` with spans.

    file = build_file(tree, tokens, comments, source, report)

One function a rule; the tables at the end say which.  Expressions are in `build_expressions`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from celldsl.diagnostics.diagnostic import Diagnostic, Fix, Report
from celldsl.diagnostics.span import Source, Span
from celldsl.diagnostics.suggest import nearest
from celldsl.syntax import ast
from celldsl.syntax.build_expressions import ExpressionBuilder
from celldsl.syntax.hints.idioms import report_timed_names
from celldsl.syntax.kinds import declared_kind
from celldsl.syntax.lexer import Children, Part, Token, Tree
from celldsl.syntax.partial_cells import lost_parts, readable


def build_file(
    tree: Tree,
    tokens: list[Token],
    comments: tuple[ast.Comment, ...],
    source: Source,
    report: Report,
) -> ast.File:
    """The file without the items that have an error in them; see `damage` for what is left."""
    return Builder(source, report).file(tree.children, tokens, comments)


class Builder(ExpressionBuilder):
    """Statements and items."""

    def __init__(self, source: Source, report: Report) -> None:
        super().__init__(source, report)
        # By cell, for what can only be said when it is known which lines were read.
        self.names_read: list[tuple[ast.Cell, list[ast.Name]]] = []

    def file(
        self, children: Children, tokens: list[Token], comments: tuple[ast.Comment, ...]
    ) -> ast.File:
        docstring = self._docstring(children)
        trees = [t for part in _trees(children, "items") for t in _flat(part)]
        items = [self._item(tree) for tree in trees]
        lost = lost_parts(tokens, self._errors())
        for cell, names in self.names_read:
            report_timed_names(cell, names, {n for part in lost for n in part.names}, self.report)
        errors = self._errors()
        wrong = sorted(d.primary.span.start for d in errors)
        kept: list[ast.Use | ast.Def | ast.Cell] = []
        broken: list[str] = []
        damaged: list[ast.Cell] = []
        for item, tree in zip(items, trees, strict=True):
            nearest = bisect_left(wrong, tree.start)
            if nearest == len(wrong) or wrong[nearest] > tree.end:
                kept.append(item)
                continue
            broken += _names_of(item)
            rest = readable(item, lost, errors) if isinstance(item, ast.Cell) else None
            damaged += [] if rest is None else [rest]
        span = Span(self.source, 0, len(self.source.text))
        return ast.File(docstring, tuple(kept), comments, tuple(broken), tuple(damaged), span=span)

    def _errors(self) -> list[Diagnostic]:
        found = self.report.diagnostics
        return [d for d in found if d.primary.span.source is self.source and d.code < "W"]

    # ------------------------------------------------------------ items

    def _item(self, tree: Tree) -> ast.Use | ast.Def | ast.Cell:
        children = tree.children
        match tree.data:
            case "use":
                return self._use(children)
            case "cell":
                return self._cell(children)
            case _:
                return self._def(children, inline=tree.data == "def_inline")

    def _use(self, children: Children) -> ast.Use:
        names = tuple(self._imported(tree.children) for tree in _trees(children, "imported"))
        path = children[-2]
        return ast.Use(
            names, str(path)[1:-1], path_span=self.span(path), span=self.span_of(children[:-1])
        )

    def _imported(self, children: Children) -> ast.Imported:
        first, last = str(children[0]), str(children[-1])
        return ast.Imported(first, last, span=self.span_of(children))

    def _cell(self, children: Children) -> ast.Cell:
        self.read = []
        docstring, body = self._block(children)
        dims = [t for part in _trees(children, "dims") for t in _trees(part.children, "dim")]
        hyper = [t for part in _trees(children, "hypers") for t in _trees(part.children, "hyper")]
        cell = ast.Cell(
            self.declared(children[1]),
            tuple(ast.Dim(*self._with_default(t), span=self.span(t)) for t in dims),
            tuple(ast.Hyper(*self._with_default(t), span=self.span(t)) for t in hyper),
            docstring,
            body,
            span=self.span_of(children),
        )
        self.names_read.append((cell, self.read))
        states = {n.id for s in body if isinstance(s, ast.State) for n in s.names}
        self._refuse_return(body, states)
        return cell

    def _refuse_return(self, body: tuple[ast.Statement, ...], states: set[str]) -> None:
        for statement in body:
            match statement:
                case ast.Return():
                    names = [v for v in statement.values if isinstance(v, ast.Name)]
                    shown = [n.id + "'" * (n.primed or n.id in states) for n in names]
                    plain = len(names) == len(statement.values)
                    text = ", ".join(dict.fromkeys(shown)) if plain else "y"
                    help = f"write `output {text}` for what the cell gives at each step"
                    self.report.add("E0019", "a cell has no `return`", statement.span, help=help)
                case ast.For():
                    self._refuse_return(statement.body, states)
                case ast.If():
                    self._refuse_return(statement.body, states)
                    self._refuse_return(statement.orelse or (), states)

    def _with_default(self, tree: Tree) -> tuple[str, ast.Expr | None]:
        name, *rest = tree.children
        return str(name), self.expression(rest[1]) if rest else None

    def _def(self, children: Children, inline: bool) -> ast.Def:
        name = self.declared(children[1])
        args = tuple(self._argument(t) for t in _trees(_tree(children[2]).children, "argument"))
        span, shared = self.span_of(children), str(children[0]) != "def"
        if inline:
            value = self.expression(children[4])
            body: tuple[ast.Statement, ...] = (ast.Return((value,), span=value.span),)
            return ast.Def(name, args, None, body, True, shared, span=span)
        docstring, body = self._block(children)
        return ast.Def(name, args, docstring, body, False, shared, span=span)

    def _argument(self, tree: Tree) -> ast.Argument:
        name, *rest = tree.children
        shape = self.shape(rest[1]) if rest else None
        return ast.Argument(str(name), shape, span=self.span(tree))

    def _block(self, children: Children) -> tuple[str | None, tuple[ast.Statement, ...]]:
        block = _trees(children, "block")[0].children
        body = [t for part in _trees(block, "body") for t in _flat(part)]
        return self._docstring(block), tuple(self._statement(t) for t in body)

    def _docstring(self, children: Children) -> str | None:
        for tree in _trees(children, "docstring"):
            text = str(tree.children[0])
            quotes = 3 if text.startswith('"""') else 1
            return clean_docstring(text[quotes:-quotes])
        return None

    # ------------------------------------------------------------ statements

    def _statement(self, tree: Tree) -> ast.Statement:
        return _STATEMENTS[tree.data](self, tree.children)

    def _declaration(self, children: Children) -> ast.Statement:
        names = tuple(self.declared(t) for t in _tokens(children[1], "NAME"))
        inits = [e for e in children[4:-1] if not (isinstance(e, Tree) and e.data == "lifetime")]
        init = self.expression(inits[1]) if inits else None
        span = self.span_of(children[:-1])
        word = _type(children[0])
        found = declared_kind(self, str(children[0]), names, children)
        shape = found.shape
        match word:
            case "INPUT":
                if init is not None:
                    message = "an input has no value of its own"
                    help = "its value comes from the caller at every step"
                    self.report.add("E0010", message, init.span, help=help)
                return ast.Input(names, shape, found.kind, found.limit, found.per, span=span)
            case "STATE":
                return ast.State(names, shape, init, found.number, span=span)
            case "PARAM":
                return ast.Param(names, shape, init, found.number, span=span)
            case _:
                return ast.Const(names, shape, init, found.number, span=span)

    def _sub(self, children: Children) -> ast.Statement:
        dims = tuple(e for t in _trees(children, "shape") for e in self.shape(t).items)
        settings = [t for part in _trees(children, "settings") for t in part.children]
        hyper = tuple(self.keyword(t) for t in _trees(settings, "keyword"))
        name, cell = self.declared(children[1]), self.declared(children[3])
        span = self.span_of(children[:-1])
        if _type(children[4]) == "NAME":
            return self._shared_sub(name, cell, self.declared(children[4]), span)
        return ast.Sub(name, cell, dims, hyper, span=span)

    def _shared_sub(
        self, name: ast.Declared, word: ast.Declared, other: ast.Declared, span: Span
    ) -> ast.Statement:
        """`sub other = shared g`"""
        if word.id != "shared":
            told = "an inner cell is one of a cell, or shares the weights of another one"
            near = Fix(word.span, "shared") if nearest(word.id, ("shared",)) else None
            help = f"write `sub {name.id} = {word.id}[…]`, or `sub {name.id} = shared {other.id}`"
            self.report.add("E0010", told, word.span.until(other.span), help=help, fix=near)
        return ast.Sub(name, other, (), (), other, span=span)

    def _equation(self, children: Children) -> ast.Statement:
        targets = tuple(self._target(t) for t in _trees(children, "target"))
        value = self.expression(children[-2])
        return ast.Equation(targets, value, span=self.span_of(children[:-1]))

    def _target(self, tree: Tree) -> ast.Target:
        name, *rest = tree.children
        index = self.expression(rest[1]) if rest else None
        id, primed = str(name).rstrip("'"), _type(name) == "PRIMED"
        return ast.Target(id, primed, index, span=self.span(tree))

    def _output(self, children: Children) -> ast.Statement:
        names = tuple(self.name(t) for t in children if _type(t) in ("NAME", "PRIMED"))
        return ast.Output(names, span=self.span_of(children[:-1]))

    def _for(self, children: Children) -> ast.Statement:
        variable = self.declared(children[1])
        low, high = self.expression(children[3]), self.expression(children[5])
        body = self._block(children)[1]
        return ast.For(variable, low, high, body, span=self.span_of(children))

    def _if(self, children: Children) -> ast.Statement:
        blocks = _trees(children, "block")
        body = self._block(blocks[:1])[1]
        orelse = self._block(blocks[1:])[1] if len(blocks) > 1 else None
        condition = self.expression(children[1])
        return ast.If(condition, body, orelse, span=self.span_of(children))

    def _require(self, children: Children) -> ast.Statement:
        condition, why = self.expression(children[1]), str(children[3])[1:-1]
        return ast.Require(condition, why, span=self.span_of(children[:-1]))

    def _return(self, children: Children) -> ast.Statement:
        values = tuple(self.expression(t) for t in children[1:-1] if _type(t) != "COMMA")
        return ast.Return(values, span=self.span_of(children[:-1]))


_STATEMENTS: dict[str, Callable[[Builder, Children], ast.Statement]] = {
    "declaration": Builder._declaration,
    "sub": Builder._sub,
    "equation": Builder._equation,
    "output": Builder._output,
    "for": Builder._for,
    "if": Builder._if,
    "require": Builder._require,
    "return": Builder._return,
}


def clean_docstring(text: str) -> str:
    """A docstring without the indentation of its lines and the spaces at their ends."""
    first, *rest = text.replace("\r\n", "\n").expandtabs().split("\n")
    margin = min((len(line) - len(line.lstrip()) for line in rest if line.strip()), default=0)
    return "\n".join([first.strip(), *(line[margin:].rstrip() for line in rest)]).strip()


def _trees(children: Children, data: str) -> list[Tree]:
    return [t for t in children if isinstance(t, Tree) and t.data == data]


def _tree(part: Part) -> Tree:
    assert isinstance(part, Tree)
    return part


def _tokens(part: Part, kind: str) -> list[Token]:
    return [t for t in _tree(part).children if isinstance(t, Token) and t.type == kind]


def _type(part: Part) -> str:
    return part.type if isinstance(part, Token) else ""


def _flat(tree: Tree) -> list[Tree]:
    """The members of a left-recursive list, in order."""
    out: list[Tree] = []
    while True:
        out.append(_tree(tree.children[-1]))
        if len(tree.children) == 1:
            return out[::-1]
        tree = _tree(tree.children[0])


def _names_of(item: ast.Use | ast.Def | ast.Cell) -> list[str]:
    match item:
        case ast.Use(names=names):
            return [name.alias for name in names]
        case _:
            return [item.name.id]
