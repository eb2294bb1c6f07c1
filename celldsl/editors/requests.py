"""What editors ask of a text, and of a name in it.  In: documents, offsets.  Out: answers.

Of a text its outline, shapes and colours; of a name what it is, what may stand there, where it is
defined and used, and another name for it.  All are in the protocol's words.
"""

from __future__ import annotations

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from celldsl.diagnostics.span import Span
from celldsl.editors.calls import argument_hints, called_at
from celldsl.editors.colours import MODIFIERS, TYPES, coloured
from celldsl.editors.completion import Proposal, complete
from celldsl.editors.hover import hints, hover
from celldsl.editors.protocol import FAILED, Features, Server, edit_of, uri_of
from celldsl.editors.renaming import RenameError, rename, renameable
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


COMPLETIONS = {
    "function": lsp.CompletionItemKind.Function, "def": lsp.CompletionItemKind.Function,
    "keyword": lsp.CompletionItemKind.Keyword, "operator": lsp.CompletionItemKind.Keyword,
    "constant": lsp.CompletionItemKind.Constant, "cell": lsp.CompletionItemKind.Class,
    "initialiser": lsp.CompletionItemKind.Constructor, "state": lsp.CompletionItemKind.Property,
    "dim": lsp.CompletionItemKind.TypeParameter, "option": lsp.CompletionItemKind.Field,
}  # fmt: skip


def _hover(server: Server, params: lsp.HoverParams) -> lsp.Hover | None:
    document, offset = server.asked(params)
    told = hover(server.cells, document, offset)
    if told is None:
        return None
    at = document.names.at(offset)
    span = None if at is None else server.range(Span(document.source, at.start, at.end))
    return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, told), span)


def _complete(server: Server, params: lsp.CompletionParams) -> list[lsp.CompletionItem]:
    document, offset = server.asked(params)
    found = complete(server.cells, document, offset)
    return [_item(proposal, place) for place, proposal in enumerate(found)]


def _item(proposal: Proposal, place: int) -> lsp.CompletionItem:
    kind = COMPLETIONS.get(proposal.kind, lsp.CompletionItemKind.Variable)
    detail = f"{proposal.kind}: {proposal.detail}" if proposal.detail else proposal.kind
    return lsp.CompletionItem(
        proposal.word, kind=kind, detail=detail, sort_text=f"{place:04}", preselect=place == 0
    )


def _signature(server: Server, params: lsp.SignatureHelpParams) -> lsp.SignatureHelp | None:
    document, offset = server.asked(params)
    called = called_at(server.cells, document, offset)
    if called is None:
        return None
    doc = lsp.MarkupContent(lsp.MarkupKind.Markdown, called.doc.strip()) if called.doc else None
    arguments = [lsp.ParameterInformation(argument) for argument in called.arguments]
    # Where none is meant, one behind the last is none.
    active = called.active if called.active >= 0 else len(arguments)
    return lsp.SignatureHelp([lsp.SignatureInformation(called.label, doc, arguments)], 0, active)


def _define(server: Server, params: lsp.DefinitionParams) -> lsp.Location | None:
    document, offset = server.asked(params)
    found = server.cells.definition(document, offset)
    return None if found is None else server.location(*found)


def _refer(server: Server, params: lsp.ReferenceParams) -> list[lsp.Location]:
    document, offset = server.asked(params)
    return [
        server.location(home, Span(home.source, o.start, o.end))
        for home, o in server.cells.references(document, offset)
        if params.context.include_declaration or o.role != "declared"
    ]


def _highlight(server: Server, params: lsp.DocumentHighlightParams) -> list[lsp.DocumentHighlight]:
    document, offset = server.asked(params)
    at = document.names.at(offset)
    kinds = lsp.DocumentHighlightKind
    return [
        lsp.DocumentHighlight(
            server.range(Span(document.source, o.start, o.end)),
            kinds.Read if o.role == "read" else kinds.Write,
        )
        for o in (document.names.of(at.key) if at is not None else ())
    ]


def _prepare(server: Server, params: lsp.PrepareRenameParams) -> lsp.PrepareRenamePlaceholder:
    document, offset = server.asked(params)
    try:
        span = renameable(server.cells, document, offset)
    except RenameError as error:
        raise JsonRpcException(str(error), FAILED) from None
    return lsp.PrepareRenamePlaceholder(server.range(span), span.text)


def _rename(server: Server, params: lsp.RenameParams) -> lsp.WorkspaceEdit:
    document, offset = server.asked(params)
    try:
        renamed = rename(server.cells, document, offset, params.new_name)
    except RenameError as error:
        raise JsonRpcException(str(error), FAILED) from None
    if renamed.told:
        told = "With the new name:\n" + "\n".join(renamed.told)
        server.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Info, told))
    return edit_of(
        server,
        {
            uri_of(path): [(span, params.new_name) for span in spans]
            for path, spans in renamed.places.items()
        },
    )


FEATURES: Features = {
    lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL: (_symbols, None),
    lsp.TEXT_DOCUMENT_INLAY_HINT: (_hints, None),
    lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL: (
        _colours,
        lsp.SemanticTokensLegend(TYPES, MODIFIERS),
    ),
    lsp.TEXT_DOCUMENT_HOVER: (_hover, None),
    lsp.TEXT_DOCUMENT_COMPLETION: (
        _complete,
        lsp.CompletionOptions(trigger_characters=[".", "[", "(", ","]),
    ),
    lsp.TEXT_DOCUMENT_SIGNATURE_HELP: (_signature, lsp.SignatureHelpOptions(["(", ","])),
    lsp.TEXT_DOCUMENT_DEFINITION: (_define, None),
    lsp.TEXT_DOCUMENT_REFERENCES: (_refer, None),
    lsp.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT: (_highlight, None),
    lsp.TEXT_DOCUMENT_PREPARE_RENAME: (_prepare, None),
    lsp.TEXT_DOCUMENT_RENAME: (_rename, lsp.RenameOptions(prepare_provider=True)),
}
