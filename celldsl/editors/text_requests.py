"""Requests about a whole text.  In: documents.  Out: its outline, shapes and colours."""

from __future__ import annotations

from lsprotocol import types as lsp

from celldsl.editors.calls import argument_hints
from celldsl.editors.colours import MODIFIERS, TYPES, coloured
from celldsl.editors.hover import hints
from celldsl.editors.protocol import Features, Server
from celldsl.editors.symbols import Symbol

SYMBOLS = {
    "cell": lsp.SymbolKind.Class, "def": lsp.SymbolKind.Function, "import": lsp.SymbolKind.Module,
    "dim": lsp.SymbolKind.TypeParameter, "state": lsp.SymbolKind.Property,
    "const": lsp.SymbolKind.Constant, "sub": lsp.SymbolKind.Object,
}  # fmt: skip


def _symbols(server: Server, params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
    """Cells and functions, with what they declare inside."""
    symbols = server.of(params.text_document.uri).names.symbols
    top = [_symbol(server, s) for key, s in symbols.items() if not key.name]
    for outer in top:
        outer.children = [
            _symbol(server, s) for key, s in symbols.items() if key.name and key.item == outer.name
        ]
    return top


def _symbol(server: Server, s: Symbol) -> lsp.DocumentSymbol:
    kind = SYMBOLS.get(s.kind, lsp.SymbolKind.Variable)
    whole = s.whole if s.whole.start <= s.span.start and s.span.end <= s.whole.end else s.span
    return lsp.DocumentSymbol(s.name, kind, server.range(whole), server.range(s.span), s.kind)


def _hints(server: Server, params: lsp.InlayHintParams) -> list[lsp.InlayHint]:
    document = server.of(params.text_document.uri)
    places = server.positions(document.source)
    kinds = lsp.InlayHintKind
    found = [(at, told, kinds.Type) for at, told in hints(document)]
    found += [(at, told, kinds.Parameter) for at, told in argument_hints(server.cells, document)]
    told_at = [(lsp.Position(*places.line_column(at)), told, kind) for at, told, kind in found]
    return [
        lsp.InlayHint(place, told, kind, padding_right=kind == kinds.Parameter)
        for place, told, kind in told_at
        if params.range.start <= place <= params.range.end
    ]


def _colours(server: Server, params: lsp.SemanticTokensParams) -> lsp.SemanticTokens:
    """Five numbers for each piece, its place counted from the piece before."""
    document = server.of(params.text_document.uri)
    places = server.positions(document.source)
    data: list[int] = []
    line, column = 0, 0
    for piece in coloured(document):
        at_line, at_column = places.line_column(piece.start)
        text = document.source.text[piece.start : piece.start + piece.length]
        bits = sum(1 << MODIFIERS.index(name) for name in piece.modifiers)
        before = column if at_line == line else 0
        data += [at_line - line, at_column - before, places.units(text)]
        data += [TYPES.index(piece.kind), bits]
        line, column = at_line, at_column
    return lsp.SemanticTokens(data)


FEATURES: Features = {
    lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL: (_symbols, None),
    lsp.TEXT_DOCUMENT_INLAY_HINT: (_hints, None),
    lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL: (
        _colours,
        lsp.SemanticTokensLegend(TYPES, MODIFIERS),
    ),
}
