"""A new name for what a place names.  In: a place and the name.  Out: edits, and what they change.

    renamed = rename(workspace, document, offset, "keep")
    renamed.places      where the name stands, by document
    renamed.told        ["saved weights: `z.W_x` becomes `keep.W_x`"]

Raises RenameError where there is nothing to rename, or the text would be wrong with the new name.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.errors import CellError, SettingError
from celldsl.diagnostics.span import Source, Span
from celldsl.editors.workspace import Document, Workspace
from celldsl.pipeline import check_again, front
from celldsl.semantics.incremental import Session
from celldsl.structs import record
from celldsl.syntax import ast
from celldsl.syntax.lexer import raw_tokens
from celldsl.syntax.names import is_taken

WHAT = {"params": "saved weights", "consts": "saved consts", "states": "states in Python",
        "inputs": "inputs in Python", "outputs": "outputs in Python", "dims": "dims in Python",
        "hypers": "hyperparameters in Python"}  # fmt: skip


class RenameError(Exception):
    """Says why a name stays."""


@record
class Renamed:
    places: dict[Path, list[Span]]
    told: tuple[str, ...]


def renameable(workspace: Workspace, document: Document, offset: int) -> Span:
    """The name at a place.  Raises RenameError."""
    at = document.names.at(offset)
    if at is None:
        raise RenameError("there is no name here")
    if workspace.definition(document, offset) is None:
        name = document.source.text[at.start : at.end]
        raise RenameError(f"`{name}` is not declared in a file of yours")
    return Span(document.source, at.start, at.end)


def rename(workspace: Workspace, document: Document, offset: int, new: str) -> Renamed:
    renameable(workspace, document, offset)
    _check_word(new)
    places: dict[Path, list[Span]] = {}
    for home, occurrence in workspace.references(document, offset):
        _check_readable(home)
        span = Span(home.source, occurrence.start, occurrence.end)
        places.setdefault(home.path, []).append(span)
    texts = {path: _with(spans, new) for path, spans in places.items()}
    documents = {home.path: home for home, _ in workspace.references(document, offset)}
    told: list[str] = []
    for path, text in texts.items():
        home = documents[path]
        after = Session(texts={**workspace.texts, **texts})
        _check_still_right(home, text, after, new)
        told += [line for line in _told(home, text, after, new) if line not in told]
    return Renamed(places, tuple(told))


def _check_word(new: str) -> None:
    tokens = raw_tokens(new)
    if [t.type for t in tokens] != ["NAME"] or str(tokens[0]) != new:
        raise RenameError(f"`{new}` is no name: letters, digits and `_`, and no digit first")
    if is_taken(new):
        raise RenameError(f"`{new}` has a meaning of its own")


def _check_readable(document: Document) -> None:
    if document.file.broken or document.file.damaged:
        name = document.path.name
        raise RenameError(f"{name} has lines that cannot be read; mend them first")


def _with(spans: Iterable[Span], new: str) -> str:
    ordered = sorted(spans, key=lambda s: s.start, reverse=True)
    text = ordered[0].source.text
    for span in ordered:
        text = text[: span.start] + new + text[span.end :]
    return text


def _check_still_right(document: Document, text: str, after: Session, new: str) -> None:
    """A name that is taken, hides another one or may not be used ends in an error that is new."""
    report = Report()
    check_again(Source(document.path.name, text), report, document.path, after, document.root)
    before = [d.code for d in document.diagnostics if d.severity == "error"]
    for found in report.diagnostics:
        if found.code in before:
            before.remove(found.code)
        elif found.severity == "error":
            raise RenameError(f"with `{new}` the text would be wrong: {found.message}")


def _told(document: Document, text: str, after: Session, new: str) -> Iterable[str]:
    """What is called otherwise from outside, of every cell of the file."""
    cells = [item.name for item in document.file.items if isinstance(item, ast.Cell)]
    then = _cells_of(text, document)
    for was, now in zip((cell.id for cell in cells), then, strict=False):
        old = _public(document, document.source.text, was, document.session)
        fresh = _public(document, text, now, after)
        for what, names in old.items():
            pairs = [(a, b) for a, b in zip(names, fresh.get(what, ()), strict=False) if a != b]
            if pairs:
                changes = ", ".join(f"`{a}` becomes `{b}`" for a, b in pairs)
                yield f"{now}, {WHAT[what]}: {changes}"
        if was != now:
            yield f"`{was}` becomes `{now}` wherever it is imported or loaded by name"


def _cells_of(text: str, document: Document) -> list[str]:
    from celldsl.syntax.parse import parse

    file = parse(Source(document.path.name, text), Report())
    return [i.name.id for i in file.items if isinstance(i, ast.Cell)] if file else []


def _public(
    document: Document, text: str, cell: str, session: Session
) -> dict[str, tuple[str, ...]]:
    """Names of a cell that are seen outside; none where it has errors or asks for a setting."""
    source = Source(document.path.name, text)
    quiet = Session(texts=session.texts)
    try:
        spec = front(
            source, Report(), cell, {}, document.root, document.path, session=quiet
        ).spec  # fmt: skip
    except (CellError, SettingError):
        return {}
    return {what: tuple(each.name for each in getattr(spec, what)) for what in WHAT}
