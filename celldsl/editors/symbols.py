"""Which name is which.  In: a parsed file.  Out: every place of every name, with what it means.

    names = Names(file, source)
    names.at(offset)            Occurrence(…, Key("GRU", "h"), "read", …)
    names.of(key)               all places of that name
    names.symbols[key]          where it is declared, and as what

This follows the tree alone, so that it has an answer while a file is wrong.  A `Key` says what a
name stands for across files: `Key("", "")` is nothing that this file declares.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Literal

from celldsl.diagnostics.span import Source, Span
from celldsl.structs import record
from celldsl.syntax import ast
from celldsl.syntax.lexer import Token, raw_tokens
from celldsl.syntax.names import PRIMES, split_time

Role = Literal["declared", "defined", "read"]
NAMED = ("NAME", "PRIMED")
DECLARATIONS = {
    ast.Input: "input", ast.State: "state", ast.Param: "param", ast.Const: "const",
}  # fmt: skip


@record
class Key:
    """`item` is a cell, a function or what `use` gives; `name` one in it, or "" for itself.

    `scope` tells apart names of one body that are not the same: where a loop begins that has its
    own.
    """

    item: str
    name: str = ""
    scope: int = 0


@record
class Occurrence:
    """A place of a name, without prime and time."""

    start: int
    end: int
    key: Key
    role: Role
    primed: bool = False


@record
class Symbol:
    """`whole` is the statement, cell or argument that declares it; `span` the name in it."""

    name: str
    kind: str
    key: Key
    span: Span
    whole: Span


Scope = dict[str, Key]


class Names:
    def __init__(self, file: ast.File, source: Source) -> None:
        self.source = source
        self.tokens = raw_tokens(source.text)
        self.by_start: dict[int, Token] = {t.start: t for t in self.tokens}
        self.symbols: dict[Key, Symbol] = {}
        self.found: dict[int, Occurrence] = {}
        self.imports: dict[str, tuple[ast.Use, ast.Imported]] = {}
        self.cells: dict[str, ast.Cell] = {}
        self.item = ""
        self.inner: dict[str, str] = {}
        self._items((*file.items, *file.damaged))
        self.starts = sorted(self.found)

    def at(self, offset: int) -> Occurrence | None:
        """The name at a place, or the one that ends there."""
        place = bisect_right(self.starts, offset) - 1
        for start in self.starts[max(place - 1, 0) : place + 1][::-1]:
            if start <= offset <= self.found[start].end:
                return self.found[start]
        return None

    def of(self, key: Key) -> list[Occurrence]:
        return [o for start in self.starts if (o := self.found[start]).key == key]

    # ------------------------------------------------------------ items

    def _items(self, items: Iterable[ast.Use | ast.Def | ast.Cell]) -> None:
        """Headers first: a body may read what is declared below it."""
        items = list(items)
        for item in items:
            if isinstance(item, ast.Use):
                for name in item.names:
                    self._import(item, name)
                continue
            kind = "cell" if isinstance(item, ast.Cell) else "def"
            self._declare(item.name.id, kind, Key(item.name.id), item.name.span, item.span)
            if isinstance(item, ast.Cell):
                self.cells.setdefault(item.name.id, item)
        for item in items:
            if isinstance(item, ast.Cell):
                self._cell(item)
            elif isinstance(item, ast.Def):
                self._def(item)

    def _import(self, use: ast.Use, name: ast.Imported) -> None:
        """`A as B`: the alias stands last; A is a name of the other file."""
        self.imports.setdefault(name.alias, (use, name))
        key = Key(name.alias)
        tokens = [t for t in self.tokens if name.span.start <= t.start < name.span.end]
        last = tokens[-1].start if tokens else name.span.start
        span = Span(self.source, last, name.span.end)
        self._declare(name.alias, "import", key, span, use.span)
        if name.alias != name.id:
            self._mark(name.span, Key(name.alias, ":"), "read")

    def _cell(self, cell: ast.Cell) -> None:
        self.item, self.inner = cell.name.id, {}
        scope: Scope = {}
        for dim in cell.dims:
            self._bind(dim.id, "dim", dim.span, dim.span, scope)
        for hyper in cell.hyper:
            self._bind(hyper.id, "hyper", hyper.span, hyper.span, scope)
        for s in cell.body:
            if isinstance(s, ast.Input | ast.State | ast.Param | ast.Const):
                for name in s.names:
                    self._bind(name.id, DECLARATIONS[type(s)], name.span, s.span, scope)
        defaults = [d.default for d in cell.dims] + [h.default for h in cell.hyper]
        self._expressions([d for d in defaults if d is not None], [scope])
        self._body(cell.body, [scope])

    def _def(self, function: ast.Def) -> None:
        self.item, self.inner = function.name.id, {}
        scope: Scope = {}
        for argument in function.args:
            self._bind(argument.id, "argument", argument.span, argument.span, scope)
        for argument in function.args:
            for size in argument.shape.items if argument.shape is not None else ():
                if isinstance(size, ast.Name) and size.id not in scope:
                    self._bind(size.id, "dim", size.span, argument.span, scope)
                self._expression(size, [scope])
        self._body(function.body, [scope])

    # ------------------------------------------------------------ statements

    def _body(self, body: Iterable[ast.Statement], scopes: list[Scope]) -> None:
        for s in body:
            self._statement(s, scopes)

    def _statement(self, s: ast.Statement, scopes: list[Scope]) -> None:
        match s:
            case ast.Input() | ast.State() | ast.Param() | ast.Const():
                for name in s.names:
                    if self._find(name.id, scopes) is None:
                        kind = DECLARATIONS[type(s)]
                        self._bind(name.id, kind, name.span, s.span, scopes[-1], scopes)
                self._expressions((*s.shape.items, *_optional(s)), scopes)
            case ast.Sub():
                self._sub(s, scopes)
            case ast.Equation():
                self._expression(s.value, scopes)
                for target in s.targets:
                    self._target(target, s, scopes)
            case ast.For():
                self._expressions((s.low, s.high), scopes)
                inside = [*scopes, self._loop(s.variable, s.span, scopes)]
                self._body(s.body, inside)
                self._leave(s.body, inside, scopes)
            case ast.If():
                self._expression(s.condition, scopes)
                self._body((*s.body, *(s.orelse or ())), scopes)
            case ast.Output():
                self._expressions(s.names, scopes)
            case ast.Require():
                self._expression(s.condition, scopes)
            case ast.Return():
                self._expressions(s.values, scopes)

    def _sub(self, s: ast.Sub, scopes: list[Scope]) -> None:
        self._bind(s.name.id, "sub", s.name.span, s.span, scopes[-1], scopes)
        if s.shares is not None:
            self._read(s.shares.id, s.shares.span, scopes)
            self.inner[s.name.id] = self.inner.get(s.shares.id, "")
            return
        self.inner[s.name.id] = s.cell.id
        if self._find(s.cell.id, scopes) is None:
            self._mark(s.cell.span, self._global(s.cell.id), "read")
        else:
            self._read(s.cell.id, s.cell.span, scopes)
        self._expressions((d for d in s.dims if d.span.text != "_"), scopes)
        self._keywords(s.hyper, s.cell.id, scopes)

    def _target(self, target: ast.Target, s: ast.Equation, scopes: list[Scope]) -> None:
        key = self._find(target.id, scopes)
        if key is None:
            self._bind(target.id, "value", target.span, s.span, scopes[-1], scopes)
        else:
            self._mark(target.span, key, "defined", target.primed)
        if target.index is not None:
            self._expression(target.index, scopes)

    def _leave(self, body: Iterable[ast.Statement], inside: list[Scope], out: list[Scope]) -> None:
        """What a loop fills slice by slice is seen after it."""
        for s in body:
            for target in s.targets if isinstance(s, ast.Equation) else ():
                if target.index is not None and target.id in inside[-1]:
                    out[-1][target.id] = inside[-1][target.id]

    # ------------------------------------------------------------ expressions

    def _expressions(self, written: Iterable[ast.Expr], scopes: list[Scope]) -> None:
        for e in written:
            self._expression(e, scopes)

    def _expression(self, e: ast.Expr, scopes: list[Scope]) -> None:
        waiting: list[ast.Expr] = [e]
        while waiting:
            match waiting.pop():
                case ast.Name(id, primed, span=span):
                    self._read(id, span, scopes, primed)
                case ast.Attribute() as attribute:
                    self._attribute(attribute, scopes)
                case ast.Unary(_, operand):
                    waiting.append(operand)
                case ast.Binary(_, left, right):
                    waiting += (left, right)
                case ast.Call(function, args, keywords, name_span=span):
                    self._read(function, span, scopes)
                    waiting += args
                    self._keywords(keywords, self.inner.get(function, function), scopes)
                case ast.Over(function, variable, low, high, body, name_span=span) as whole:
                    self._read(function, span, scopes)
                    self._expressions((low, high), scopes)
                    inside = self._loop(variable, whole.span, scopes)
                    self._expression(body, [*scopes, inside])
                case ast.ListOf(items):
                    waiting += items
                case ast.Index(value, items):
                    waiting.append(value)
                    for item in items:
                        ends = (item.low, item.high) if isinstance(item, ast.Range) else (item,)
                        waiting += [end for end in ends if end is not None]

    def _attribute(self, e: ast.Attribute, scopes: list[Scope]) -> None:
        """`g.h`: a state of the cell that `g` is one of."""
        self._read(e.owner, e.span, scopes)
        last = [t for t in self._within(e.span) if t.type in NAMED][-1:]
        for token in last if e.owner in self.inner else ():
            self._mark(
                Span(self.source, token.start, token.end), Key(self.inner[e.owner], e.id), "read",
                e.primed,
            )  # fmt: skip

    def _within(self, span: Span) -> list[Token]:
        found, at = [], span.start
        while at < span.end:
            token = self.by_start.get(at)
            if token is not None:
                found.append(token)
            at = max(at + 1, token.end if token is not None else at + 1)
        return found

    def _keywords(self, keywords: Iterable[ast.Keyword], owner: str, scopes: list[Scope]) -> None:
        for keyword in keywords:
            if owner in self.cells or owner in self.imports or Key(owner) in self.symbols:
                self._mark(keyword.span, Key(owner, keyword.name), "read")
            self._expression(keyword.value, scopes)

    # ------------------------------------------------------------ names

    def _read(self, name: str, span: Span, scopes: list[Scope], primed: bool = False) -> None:
        self._mark(span, self._find(name, scopes) or self._global(name), "read", primed)

    def _global(self, name: str) -> Key:
        return Key(name) if Key(name) in self.symbols else Key("", name)

    def _find(self, name: str, scopes: list[Scope]) -> Key | None:
        return next((scope[name] for scope in reversed(scopes) if name in scope), None)

    def _loop(self, variable: ast.Declared, whole: Span, scopes: list[Scope]) -> Scope:
        scope: Scope = {}
        self._bind(variable.id, "index", variable.span, whole, scope, [*scopes, scope])
        return scope

    def _bind(
        self, name: str, kind: str, span: Span, whole: Span, scope: Scope,
        scopes: list[Scope] | None = None,
    ) -> None:  # fmt: skip
        """A name of the present item, in its outermost scope or in that of a loop."""
        inside = scopes is not None and len(scopes) > 1
        key = Key(self.item, name, span.start if inside else 0)
        scope[name] = key
        self._declare(name, kind, key, span, whole)

    def _declare(self, name: str, kind: str, key: Key, span: Span, whole: Span) -> None:
        span = self._name_span(span)
        self.symbols.setdefault(key, Symbol(name, kind, key, span, whole))
        self._mark(span, key, "declared")

    def _mark(self, span: Span, key: Key, role: Role, primed: bool = False) -> None:
        span = self._name_span(span)
        self.found.setdefault(span.start, Occurrence(span.start, span.end, key, role, primed))

    def _name_span(self, span: Span) -> Span:
        """The name that a place begins with, without prime and time."""
        token = self.by_start.get(span.start)
        if token is None or token.type not in NAMED:
            return span
        bare = split_time(str(token).rstrip(PRIMES))[0]
        return Span(self.source, span.start, span.start + len(bare))


def _optional(s: ast.Input | ast.State | ast.Param | ast.Const) -> list[ast.Expr]:
    found = s.limit if isinstance(s, ast.Input) else s.init
    return [] if found is None else [found]
