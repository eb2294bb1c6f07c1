"""Requests about the name at a place.  In: documents and offsets.  Out: the protocol's answers."""

from __future__ import annotations

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from celldsl.diagnostics.span import Span
from celldsl.editors.calls import called_at
from celldsl.editors.completion import Proposal, complete
from celldsl.editors.hover import hover
from celldsl.editors.protocol import FAILED, Features, Server, edit_of, uri_of
from celldsl.editors.renaming import RenameError, rename, renameable

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
