"""A language server, by pygls.  In: messages on standard input.  Out: answers on standard output.

    celldsl lsp

What is answered is worked out by the modules beside this one.  A text is checked when nothing more
has come in for a moment, so that who types fast waits for one check and not for all.
"""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from typing import BinaryIO

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInternalError

from celldsl.editors import problems, requests
from celldsl.editors.protocol import Features, Server, path_of, uri_of
from celldsl.editors.workspace import Workspace

PAUSE = 0.01


def serve(incoming: BinaryIO, outgoing: BinaryIO) -> None:
    """Answers until the editor closes the connection."""
    server = Server()
    tables = (FEATURES, problems.FEATURES, requests.FEATURES)
    for features in tables:
        for method, (answer, options) in features.items():
            server.feature(method, options)(answer)
    server.start_io(incoming, outgoing)


def _begin(server: Server, _: lsp.InitializedParams) -> None:
    folders = [path_of(uri) for uri in server.workspace.folders]
    if not folders and server.workspace.root_path:
        folders = [Path(server.workspace.root_path)]
    server.cells = Workspace(folders)
    # What was loaded stays: the collector need not look through it at every check.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _opened(server: Server, params: lsp.DidOpenTextDocumentParams) -> None:
    _changed_to(server, params.text_document.uri, params.text_document.text)


def _changed(server: Server, params: lsp.DidChangeTextDocumentParams) -> None:
    uri = params.text_document.uri
    _changed_to(server, uri, server.workspace.get_text_document(uri).source)


def _closed(server: Server, params: lsp.DidCloseTextDocumentParams) -> None:
    uri = params.text_document.uri
    server.cells.close(path_of(uri))
    if uri in server.waiting:
        server.waiting.pop(uri).cancel()
    server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))


def _changed_to(server: Server, uri: str, text: str) -> None:
    document = server.cells.open(path_of(uri), text)
    _soon(server, uri)
    for path, other in list(server.cells.documents.items()):
        if other is not document and other.may_use(document.path):
            server.cells.open(path, other.source.text)
            _soon(server, uri_of(path))


def _soon(server: Server, uri: str) -> None:
    if uri in server.waiting:
        server.waiting[uri].cancel()
    loop = asyncio.get_running_loop()
    server.waiting[uri] = loop.call_later(PAUSE, _check, server, uri)


def _check(server: Server, uri: str) -> None:
    server.waiting.pop(uri, None)
    try:
        problems.publish(server, uri)
    except Exception as error:  # as pygls does for requests: told, and the next one is answered
        server.report_server_error(error, JsonRpcInternalError)


FEATURES: Features = {
    lsp.INITIALIZED: (_begin, None),
    lsp.TEXT_DOCUMENT_DID_OPEN: (_opened, None),
    lsp.TEXT_DOCUMENT_DID_CHANGE: (_changed, None),
    lsp.TEXT_DOCUMENT_DID_CLOSE: (_closed, None),
}
