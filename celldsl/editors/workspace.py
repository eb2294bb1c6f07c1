"""Texts that an editor has open, and files beside them.  In: paths and texts.  Out: documents.

    workspace = Workspace([folder])
    document = workspace.open(path, text)       checked, with what the last text of it had found
    workspace.definition(document, offset)      where a name is declared, across `use`
    workspace.references(document, offset)      where it stands, in all files of the folders

What is not open is read from the disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from celldsl.diagnostics.diagnostic import Diagnostic, Report
from celldsl.diagnostics.span import Source, Span
from celldsl.editors.symbols import Key, Names, Occurrence
from celldsl.pipeline import check_again
from celldsl.semantics.environment import Value
from celldsl.semantics.incremental import Session
from celldsl.syntax import ast
from celldsl.syntax.limits import read_source

MAX_FILES = 2_000
# Files that hand on what they use themselves; a circle of them ends too.
MAX_DEEP = 20
# Cells and functions are used by other files, and what of them is given or read from outside.
SHARED_KINDS = frozenset({"cell", "def", "hyper", "input", "state", "argument"})


class Document:
    """A text; what is known of it is worked out when it is first asked for."""

    def __init__(self, path: Path, text: str, root: Path | None, session: Session) -> None:
        self.path, self.root, self.session = path, root, session
        self.source = Source(path.name, text)
        self.report = Report()
        self.seen: dict[Span, Value] = {}

    @cached_property
    def file(self) -> ast.File:
        """The tree; to make it is to check the text, and fills `report` and `seen`."""
        file = check_again(self.source, self.report, self.path, self.session, self.root)
        self.seen = self.session.seen
        return file or ast.File(None, (), span=Span(self.source, 0, 0))

    @cached_property
    def _seen_by_start(self) -> dict[int, list[Span]]:
        found: dict[int, list[Span]] = {}
        for span in self.seen:
            if span.source is self.source:
                found.setdefault(span.start, []).append(span)
        return found

    def seen_from(self, start: int) -> list[Span]:
        """The places that begin at one and whose values are known."""
        return self._seen_by_start.get(start, []) if self.file else []

    @cached_property
    def names(self) -> Names:
        return Names(self.file, self.source)

    @property
    def diagnostics(self) -> list[Diagnostic]:
        return self.report.diagnostics if self.file else []

    def item_at(self, offset: int) -> ast.Cell | ast.Def | None:
        """The cell or function that begins last before a place at or behind its margin."""
        items = (*self.file.items, *self.file.damaged)
        found = [i for i in items if isinstance(i, ast.Cell | ast.Def) and i.span.start <= offset]
        return max(found, key=lambda i: i.span.start, default=None)

    def may_use(self, path: Path) -> bool:
        return f'{path.name}"' in self.source.text

    def asked(self, text: str, name: str) -> Session:
        """What may stand in this text, in the place of this one, where `name` is read."""
        self.session.asked = name
        try:
            check_again(Source(self.path.name, text), Report(), self.path, self.session, self.root)
        finally:
            self.session.asked = ""
        return self.session


class Workspace:
    def __init__(self, folders: Iterable[Path] = ()) -> None:
        self.folders = [folder.resolve() for folder in folders]
        self.documents: dict[Path, Document] = {}
        self.texts: dict[Path, str] = {}
        self.on_disk: dict[Path, tuple[tuple[int, int], Document]] = {}

    # ------------------------------------------------------------ texts

    def open(self, path: Path, text: str) -> Document:
        """A text as it is now; what was found of the one before makes this one quick."""
        path = path.resolve()
        before = self.documents.get(path)
        session = Session(texts=self.texts) if before is None else before.session
        self.texts[path] = text
        document = self.documents[path] = Document(path, text, self._root(path), session)
        return document

    def close(self, path: Path) -> None:
        self.documents.pop(path.resolve(), None)
        self.texts.pop(path.resolve(), None)

    def document(self, path: Path) -> Document | None:
        """An open text, or a file; None where there is no such file that can be read."""
        path = path.resolve()
        if path in self.documents:
            return self.documents[path]
        try:
            state = path.stat()
        except OSError:
            return None
        stamp = (state.st_mtime_ns, state.st_size)
        if path in self.on_disk and self.on_disk[path][0] == stamp:
            return self.on_disk[path][1]
        read = read_source(path, Report())
        if read is None:
            return None
        document = Document(path, read.text, self._root(path), Session(texts=self.texts))
        self.on_disk[path] = stamp, document
        return document

    def users(self, path: Path) -> Iterator[Document]:
        """Open texts and files of the folders that may use a file, itself first."""
        own = self.document(path)
        if own is not None:
            yield own
        for other in self._paths():
            document = self.document(other) if other != path else None
            if document is not None and document.may_use(path):
                yield document

    def _paths(self) -> list[Path]:
        found = dict.fromkeys(self.documents)
        for folder in self.folders:
            for path in folder.rglob("*.cell"):
                if len(found) >= MAX_FILES:
                    return list(found)
                found.setdefault(path.resolve())
        return list(found)

    def _root(self, path: Path) -> Path:
        """What a file uses lies in the folder that is open, or beside it where none is."""
        around = [folder for folder in self.folders if path.is_relative_to(folder)]
        return min(around, key=lambda folder: len(folder.parts), default=path.parent)

    # ------------------------------------------------------------ names

    def origin(self, document: Document, key: Key, deep: int = 0) -> tuple[Document, Key]:
        """The file that declares a name, and what it is called there."""
        if key.item not in document.names.imports or deep > MAX_DEEP:
            return document, key
        use, imported = document.names.imports[key.item]
        other = self.document(document.path.parent / use.path)
        if other is None or other is document:
            return document, key
        name = "" if key.name == ":" else key.name
        return self.origin(other, Key(imported.id, name), deep + 1)

    def definition(self, document: Document, offset: int) -> tuple[Document, Span] | None:
        occurrence = document.names.at(offset)
        if occurrence is None:
            return self._used_file(document, offset)
        home, key = self.origin(document, occurrence.key)
        symbol = home.names.symbols.get(key)
        return None if symbol is None else (home, symbol.span)

    def _used_file(self, document: Document, offset: int) -> tuple[Document, Span] | None:
        """`use … from "path.cell"`: the path leads to the file."""
        for item in document.file.items:
            if isinstance(item, ast.Use) and item.path_span.start <= offset <= item.path_span.end:
                other = self.document(document.path.parent / item.path)
                return None if other is None else (other, Span(other.source, 0, 0))
        return None

    def references(self, document: Document, offset: int) -> list[tuple[Document, Occurrence]]:
        """Every place of the name that stands at one, its declaration included."""
        at = document.names.at(offset)
        if at is None or not at.key.item:
            return []
        home, key = self._own_word(document, at.key) or self.origin(document, at.key)
        symbol = home.names.symbols.get(key)
        if symbol is None:
            return []
        shared = symbol.kind in SHARED_KINDS and not key.scope
        return [
            (each, occurrence)
            for each in (self.users(home.path) if shared else [home])
            for occurrence in each.names.found.values()
            if self._is(each, occurrence.key, home, key)
        ]

    def _own_word(self, document: Document, key: Key) -> tuple[Document, Key] | None:
        """`use A as B`: B is a name of this file alone."""
        if key.name or key.item not in document.names.imports:
            return None
        _, imported = document.names.imports[key.item]
        return (document, key) if imported.alias != imported.id else None

    def _is(self, document: Document, found: Key, home: Document, key: Key) -> bool:
        if document is home and found == key:
            return True
        if found.item not in document.names.imports:
            return False
        if self._own_word(document, found):
            return False
        there, meant = self.origin(document, found)
        return there is home and meant == key
