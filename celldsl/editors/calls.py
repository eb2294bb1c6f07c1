"""What a call takes.  In: a document and an offset.  Out: how it is called, and where one is in it.

    called_at(workspace, document, offset)     Called("gate(v, N)", "", ("v", "N"), 1)
    argument_hints(workspace, document)        [(offset, "N:"), …] before what stands by its place

The bracket is found in the text alone: a call that is being written cannot be parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from celldsl.editors.hover import signature
from celldsl.editors.symbols import Key
from celldsl.editors.words import words
from celldsl.editors.workspace import Document, Workspace
from celldsl.structs import entity, record
from celldsl.syntax import ast
from celldsl.syntax.lexer import Token, raw_tokens
from celldsl.syntax.walk import parts, statements

CLOSING = {")": "(", "]": "["}


@record
class Called:
    """`active` is the place of the argument that one is in; -1 where there is none such."""

    label: str
    doc: str
    arguments: tuple[str, ...]
    active: int


@entity
class _Bracket:
    """One that is open: the name in front of it, arguments before, and the keyword of this one."""

    sign: str
    name: Token | None
    before: int = 0
    keyword: str = ""


def called_at(workspace: Workspace, document: Document, offset: int) -> Called | None:
    """The innermost call around a place."""
    bracket = _open_call(raw_tokens(document.source.text[:offset]))
    name = None if bracket is None else bracket.name
    taken = None if name is None else _taken(workspace, document, str(name), name.start)
    if bracket is None or taken is None:
        return None
    label, doc, arguments = taken
    names = [argument.partition("=")[0].strip() for argument in arguments]
    active = names.index(bracket.keyword) if bracket.keyword in names else bracket.before
    return Called(label, doc, arguments, active if active < len(arguments) else -1)


def _open_call(tokens: Sequence[Token]) -> _Bracket | None:
    """The last bracket of a call that is still open; a statement's first word closes all."""
    waiting: list[_Bracket] = []
    # The name in front of a bracket that has been closed: `GRU[I, H](`.
    closed: Token | None = None
    for before, token in zip((None, *tokens), tokens, strict=False):
        match str(token):
            case "(" | "[" as sign:
                named = before if before is not None and before.type == "NAME" else None
                if str(before) == "]":
                    named = closed
                waiting.append(_Bracket(sign, named))
            case ")" | "]" as sign:
                if waiting and waiting[-1].sign == CLOSING[sign]:
                    closed = waiting.pop().name
            case "," if waiting:
                waiting[-1].before += 1
                waiting[-1].keyword = ""
            case "=" if waiting and before is not None:
                waiting[-1].keyword = str(before)
            case word if word in words()["declaration"]:
                waiting = []
    calls = [b for b in waiting if b.sign == "(" and b.name is not None]
    return calls[-1] if calls else None


def _taken(
    workspace: Workspace, document: Document, name: str, start: int
) -> tuple[str, str, tuple[str, ...]] | None:
    """How what stands at a place is called, what is said of it, and what it takes."""
    item = document.item_at(start)
    own = document.names.symbols.get(Key(item.name.id, name)) if item is not None else None
    if own is not None and own.kind == "sub":
        sub = next((s for s in statements(item.body) if isinstance(s, ast.Sub)
                    and s.name.id == name), None) if item is not None else None  # fmt: skip
        cell = _item(workspace, document, sub.cell.id) if sub and not sub.shares else None
        inputs = _inputs(cell) if isinstance(cell, ast.Cell) else ()
        return f"{name}({', '.join(inputs)})", "", inputs
    found = _item(workspace, document, name)
    if isinstance(found, ast.Def):
        arguments = tuple(" ".join(a.span.text.split()) for a in found.args)
        return f"{name}({', '.join(arguments)})", found.docstring or "", arguments
    if isinstance(found, ast.Cell):
        hypers = tuple(" ".join(h.span.text.split()) for h in found.hyper)
        dims = ", ".join(d.id for d in found.dims)
        return f"{name}[{dims}]({', '.join(hypers)})", found.docstring or "", hypers
    told = signature(name)
    if told is None:
        return None
    inside = told[0].partition("(")[2].rpartition(")")[0]
    return told[0], told[1], tuple(filter(None, re.split(r",\s*", inside)))


def _item(workspace: Workspace, document: Document, name: str) -> ast.Cell | ast.Def | None:
    """The cell or function of a name, also of another file."""
    home, key = workspace.origin(document, Key(name))
    items = (*home.file.items, *home.file.damaged)
    found = (i for i in items if isinstance(i, ast.Cell | ast.Def) and i.name.id == key.item)
    return next(found, None)


def _inputs(cell: ast.Cell) -> tuple[str, ...]:
    inputs = (s for s in statements(cell.body) if isinstance(s, ast.Input))
    return tuple(name.id for s in inputs for name in s.names)


# ------------------------------------------------------------------ hints


def argument_hints(workspace: Workspace, document: Document) -> Iterator[tuple[int, str]]:
    """Before arguments that stand by their place in calls of the file's own functions and cells.

    One that is written as it is called says nothing new, nor does the only one.
    """
    for item in document.file.items:
        for call in _calls(item.body) if isinstance(item, ast.Cell | ast.Def) else ():
            if signature(call.function) is not None:
                continue
            taken = _taken(workspace, document, call.function, call.name_span.start)
            names = [] if taken is None else [re.split(r"[:=\s]", a)[0] for a in taken[2]]
            for written, name in zip(call.args, names if len(names) > 1 else (), strict=False):
                if written.span.text != name:
                    yield written.span.start, f"{name}:"


def _calls(body: Iterable[ast.Statement]) -> Iterator[ast.Call]:
    for statement in statements(body):
        match statement:
            case ast.Equation(value=value):
                waiting = [value]
            case ast.Return(values=values):
                waiting = [*values]
            case _:
                waiting = []
        while waiting:
            expression = waiting.pop()
            if isinstance(expression, ast.Call):
                yield expression
            waiting += parts(expression)
