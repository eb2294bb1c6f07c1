"""What is wrong with a text, and what mends it.  In: documents.  Out: the protocol's messages.

Fixes are those that diagnostics carry, each by itself and all at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp

from celldsl.diagnostics.diagnostic import Diagnostic, Fix, Report, fixed_text
from celldsl.diagnostics.span import Source, Span
from celldsl.editors.protocol import Features, Server, edit_of
from celldsl.editors.workspace import Document
from celldsl.syntax import ast


def publish(server: Server, uri: str) -> None:
    """Tell the editor all that is wrong with a text as it is now."""
    document = server.of(uri)
    version = server.workspace.get_text_document(uri).version
    found = [told for d in document.diagnostics if (told := _problem(server, document, d))]
    server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, found, version))


def _problem(server: Server, document: Document, found: Diagnostic) -> lsp.Diagnostic | None:
    here = found.primary.span.source.text == document.source.text
    span = found.primary.span if here else _use_of(document, found.primary.span.source)
    if span is None:
        return None
    where = "" if here else f"{found.primary.span.source.name}: "
    parts = [where + found.message, found.primary.text, f"help: {found.help}" if found.help else ""]
    severity = lsp.DiagnosticSeverity
    return lsp.Diagnostic(
        server.range(span),
        "\n".join(part for part in parts if part),
        severity.Error if found.severity == "error" else severity.Warning,
        found.code,
        source="celldsl",
        related_information=[
            lsp.DiagnosticRelatedInformation(server.location(document, label.span), label.text)
            for label in found.secondary
            if label.text and label.span.source.text == document.source.text
        ],
    )


def _use_of(document: Document, source: Source) -> Span | None:
    """Where a file is used that something is wrong in."""
    uses = [item for item in document.file.items if isinstance(item, ast.Use)]
    return next((u.path_span for u in uses if Path(u.path).name == source.name), None)


def _actions(server: Server, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    uri, wanted = params.text_document.uri, params.context.only
    document = server.of(uri)
    actions = []
    for found in document.diagnostics:
        problem = _problem(server, document, found)
        fix = found.fix
        if fix is None or fix.span.source.text != document.source.text or problem is None:
            continue
        if _meet(problem.range, params.range) or _meet(server.range(fix.span), params.range):
            actions.append(
                lsp.CodeAction(
                    _title(fix), lsp.CodeActionKind.QuickFix, [problem], is_preferred=True,
                    edit=edit_of(server, {uri: [(fix.span, fix.replacement)]}),
                )
            )  # fmt: skip
    text, count = fixed_text(document.source, document.diagnostics)
    if count:
        whole = Span(document.source, 0, len(document.source.text))
        title = f"Put in all {count} fixes" if count > 1 else "Put in the fix"
        edit = edit_of(server, {uri: [(whole, text)]})
        actions.append(lsp.CodeAction(title, lsp.CodeActionKind.SourceFixAll, edit=edit))
    return [a for a in actions if wanted is None or _is_wanted(a, wanted)]


def _is_wanted(action: lsp.CodeAction, wanted: Iterable[str]) -> bool:
    kind = _plain(action.kind)
    return any(f"{kind}.".startswith(f"{_plain(only)}.") for only in wanted)


def _plain(kind: Any) -> str:
    return str(getattr(kind, "value", kind))


def _title(fix: Fix) -> str:
    old, new = " ".join(fix.span.text.split()), " ".join(fix.replacement.split())
    if not new:
        return f"Take `{old}` out"
    return f"Write `{new}` for `{old}`" if old else f"Put in `{new}`"


def _meet(a: lsp.Range, b: lsp.Range) -> bool:
    return bool(a.start <= b.end and b.start <= a.end)


def _format(server: Server, params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit]:
    from celldsl.syntax.format.format import format_source
    from celldsl.syntax.parse import parse

    source = server.of(params.text_document.uri).source
    report = Report()
    if parse(source, report) is None or report.has_errors:
        return []
    text = format_source(source)
    if text == source.text:
        return []
    return [lsp.TextEdit(server.range(Span(source, 0, len(source.text))), text)]


FEATURES: Features = {
    lsp.TEXT_DOCUMENT_CODE_ACTION: (
        _actions,
        lsp.CodeActionOptions([lsp.CodeActionKind.QuickFix, lsp.CodeActionKind.SourceFixAll]),
    ),
    lsp.TEXT_DOCUMENT_FORMATTING: (_format, None),
}
