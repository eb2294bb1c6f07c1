"""The server's texts, and places in the protocol's words.  In: URIs, spans.  Out: ranges.

A request says where it is by a URI, a line and a column; `Server.asked` makes of them a document
and an offset, and `Server.range` goes the other way.

    positions = Positions(source, "utf-16")
    positions.line_column(offset)       # (3, 7), both from 0, in units of UTF-16
    positions.offset(3, 7)

Python counts characters; an editor may count units of UTF-16, in which 𝜎 are two, or bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

from celldsl.diagnostics.span import Source, Span
from celldsl.editors.workspace import Document, Workspace
from celldsl.version import __version__

# What the protocol calls a request that is right and cannot be met.
FAILED = -32803
# Methods of the protocol, each with who answers and what clients are told of it.
Features = Mapping[str, tuple[Callable[..., Any], Any]]


class Server(LanguageServer):
    """`cells` are the texts; `waiting` are checks that will be made when nothing comes in."""

    def __init__(self) -> None:
        full = lsp.TextDocumentSyncKind.Full
        super().__init__("celldsl", __version__, text_document_sync_kind=full)
        self.cells = Workspace()
        self.waiting: dict[str, asyncio.TimerHandle] = {}

    def of(self, uri: str) -> Document:
        """The document of a text that is open, or of a file."""
        found = self.cells.document(path_of(uri))
        return found or self.cells.open(path_of(uri), self.workspace.get_text_document(uri).source)

    def positions(self, source: Source) -> Positions:
        encoding = self.workspace.position_encoding
        # The client's word for it, or pygls's where the client has none.
        return Positions(source, str(getattr(encoding, "value", encoding)))

    def range(self, span: Span) -> lsp.Range:
        places = self.positions(span.source)
        start, end = places.line_column(span.start), places.line_column(span.end)
        return lsp.Range(lsp.Position(*start), lsp.Position(*end))

    def location(self, document: Document, span: Span) -> lsp.Location:
        return lsp.Location(uri_of(document.path), self.range(span))

    def asked(self, params: Any) -> tuple[Document, int]:
        """The document and the place that a request is about."""
        document = self.of(params.text_document.uri)
        place = params.position
        return document, self.positions(document.source).offset(place.line, place.character)


def path_of(uri: str) -> Path:
    """A text that was never saved has a path that does not exist."""
    found = to_fs_path(uri) if uri.startswith("file:") else None
    return Path(found) if found else Path("unsaved") / f"{uri.rpartition(':')[2]}.cell"


def uri_of(path: Path) -> str:
    return from_fs_path(str(path)) or path.as_uri()


def edit_of(server: Server, changes: Mapping[str, list[tuple[Span, str]]]) -> lsp.WorkspaceEdit:
    return lsp.WorkspaceEdit(
        {
            uri: [lsp.TextEdit(server.range(span), text) for span, text in edits]
            for uri, edits in changes.items()
        }
    )


WIDTHS = {"utf-8": 1, "utf-16": 2}


class Positions:
    def __init__(self, source: Source, encoding: str = "utf-16") -> None:
        self.source, self.encoding = source, encoding

    def units(self, text: str) -> int:
        """How wide a piece of a line is."""
        if text.isascii() or self.encoding not in WIDTHS:
            return len(text)
        name = "utf-16-le" if self.encoding == "utf-16" else "utf-8"
        return len(text.encode(name, "surrogatepass")) // WIDTHS[self.encoding]

    def line_column(self, offset: int) -> tuple[int, int]:
        line, column = self.source.line_column(offset)
        start = self.source.line_starts[line - 1]
        return line - 1, self.units(self.source.text[start : start + column - 1])

    def offset(self, line: int, column: int) -> int:
        """A place behind the end of a line is that end; one behind the text is its end."""
        starts = self.source.line_starts
        if line >= len(starts):
            return len(self.source.text)
        text = self.source.line_text(line + 1)
        if text.isascii():
            return starts[line] + min(column, len(text))
        width = 0
        for index, char in enumerate(text):
            if width >= column:
                return starts[line] + index
            width += self.units(char)
        return starts[line] + len(text)
