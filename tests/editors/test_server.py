"""`celldsl lsp` as an editor meets it: pytest-lsp's client, which checks what is answered."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pygls.lsp.server")
pytest_lsp = pytest.importorskip("pytest_lsp")

from lsprotocol import types as lsp  # noqa: E402

LONGEST = 120  # seconds, on a machine that does much else
TEXT = """cell Mine[I, H]:
    input x: [I]
    state h: [H]

    z = sigmid(linear([x, h], H))
    h' =  z*h

    output h'
"""
RIGHT = TEXT.replace("sigmid", "sigmoid")
STEP = "def twice(v) = 2 * v\n"
Told = dict[str, Any]


class Editor:
    """One text that is open, and what an editor does with it."""

    def __init__(self, client: Any, uri: str) -> None:
        self.client, self.uri, self.version = client, uri, 1
        self.named = lsp.TextDocumentIdentifier(uri)

    async def problems(self) -> list[lsp.Diagnostic]:
        await self.client.wait_for_notification(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        return list(self.client.diagnostics[self.uri])

    async def open(self, text: str) -> list[lsp.Diagnostic]:
        item = lsp.TextDocumentItem(self.uri, "celldsl", self.version, text)
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
        return await self.problems()

    async def change(self, text: str) -> list[lsp.Diagnostic]:
        self.version += 1
        named = lsp.VersionedTextDocumentIdentifier(version=self.version, uri=self.uri)
        change = lsp.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(lsp.DidChangeTextDocumentParams(named, [change]))
        return await self.problems()

    def at(self, line: int, column: int) -> dict[str, Any]:
        return {"text_document": self.named, "position": lsp.Position(line, column)}


def conversation(folder: Path, say: Callable[[Editor], Awaitable[None]]) -> None:
    """A server from its start to its end, with one text of the folder."""

    async def run() -> None:
        client = pytest_lsp.make_test_lsp_client()
        await client.start_io(sys.executable, "-m", "celldsl", "lsp")
        able = pytest_lsp.client_capabilities("neovim")
        folders = [lsp.WorkspaceFolder(folder.as_uri(), "cells")]
        told = lsp.InitializeParams(capabilities=able, workspace_folders=folders)
        await client.initialize_session(told)
        try:
            await say(Editor(client, (folder / "mine.cell").as_uri()))
        finally:
            # `stop` waits for a server that nobody has told to end.
            await client.shutdown_session()
            await client.stop()

    asyncio.run(asyncio.wait_for(run(), LONGEST))


def test_a_session_from_a_mistake_to_a_new_name(tmp_path: Path) -> None:
    async def say(editor: Editor) -> None:
        client, uri, named = editor.client, editor.uri, editor.named
        (found,) = await editor.open(TEXT)
        assert (found.code, found.range.start) == ("E0101", lsp.Position(4, 8))
        assert "did you mean `sigmoid`?" in found.message

        asked = lsp.CodeActionParams(named, found.range, lsp.CodeActionContext([found]))
        quick, everything = await client.text_document_code_action_async(asked)
        (edit,) = quick.edit.changes[uri]
        assert (quick.title, edit.new_text) == ("Write `sigmoid` for `sigmid`", "sigmoid")
        assert everything.kind == lsp.CodeActionKind.SourceFixAll
        assert everything.edit.changes[uri][0].new_text == RIGHT
        assert await editor.change(RIGHT) == []

        hover = await client.text_document_hover_async(lsp.HoverParams(**editor.at(5, 10)))
        assert "z: [H]" in hover.contents.value
        assert "∂z/∂(linear([x, h], H)) = z * (1 - z)" in hover.contents.value
        hover = await client.text_document_hover_async(lsp.HoverParams(**editor.at(4, 9)))
        assert "∂sigmoid(v)/∂v" in hover.contents.value

        form = lsp.DocumentFormattingParams(named, lsp.FormattingOptions(4, True))
        (edit,) = await client.text_document_formatting_async(form)
        assert "\n    z  = sigmoid(linear([x, h], H))\n    h' = z * h\n" in edit.new_text

        definition = lsp.DefinitionParams(**editor.at(5, 10))
        location = await client.text_document_definition_async(definition)
        assert (location.uri, location.range.start) == (uri, lsp.Position(4, 4))
        refer = lsp.ReferenceParams(context=lsp.ReferenceContext(False), **editor.at(4, 4))
        (place,) = await client.text_document_references_async(refer)
        assert place.range.start == lsp.Position(5, 10)
        light = lsp.DocumentHighlightParams(**editor.at(4, 4))
        lights = await client.text_document_document_highlight_async(light)
        assert [each.kind for each in lights] == [
            lsp.DocumentHighlightKind.Write, lsp.DocumentHighlightKind.Read]  # fmt: skip

        renaming = lsp.RenameParams(new_name="keep", **editor.at(4, 4))
        renamed = await client.text_document_rename_async(renaming)
        assert len(renamed.changes[uri]) == 2
        assert "`z.W_x` becomes `keep.W_x`" in client.messages[-1].message

    conversation(tmp_path, say)


def test_a_session_over_the_whole_text(tmp_path: Path) -> None:
    async def say(editor: Editor) -> None:
        client, named = editor.client, editor.named
        # Behind a letter that is two units of UTF-16 and four bytes.
        text = RIGHT.replace("    z = sig", "    # 𝜎 of it\n    z = sig")
        assert await editor.open(text) == []

        whole = lsp.Range(lsp.Position(0, 0), lsp.Position(99, 0))
        hints = await client.text_document_inlay_hint_async(lsp.InlayHintParams(named, whole))
        assert [(h.label, h.position.line) for h in hints] == [(": [H]", 5), (": [H]", 6)]

        params = lsp.DocumentSymbolParams(named)
        (outline,) = await client.text_document_document_symbol_async(params)
        assert outline.name == "Mine"
        assert [s.name for s in outline.children] == ["I", "H", "x", "h", "z"]

        tokens = lsp.SemanticTokensParams(named)
        colours = await client.text_document_semantic_tokens_full_async(tokens)
        assert len(colours.data) % 5 == 0
        assert sum(colours.data[::5]) == text.count("\n") - 1

        text = text.replace("z*h", "z * ")
        await editor.change(text)
        completing = lsp.CompletionParams(**editor.at(6, 14))
        found = await client.text_document_completion_async(completing)
        by_word = {item.label: item for item in found}
        assert by_word["h"].detail == "state: [H]"
        assert by_word["h"].sort_text < by_word["x"].sort_text < by_word["tanh"].sort_text

    conversation(tmp_path, say)


def test_a_session_with_two_files_and_refusals(tmp_path: Path) -> None:
    (tmp_path / "step.cell").write_text(STEP, encoding="utf-8")

    async def say(editor: Editor) -> None:
        client = editor.client
        used = 'use twice from "step.cell"\n\n' + RIGHT.replace("z*h", "twice(z) * h")
        assert await editor.open(used) == []
        asked = lsp.SignatureHelpParams(**editor.at(7, 16))
        told = await client.text_document_signature_help_async(asked)
        assert (told.signatures[0].label, told.active_parameter) == ("twice(v)", 0)
        definition = lsp.DefinitionParams(**editor.at(7, 11))
        location = await client.text_document_definition_async(definition)
        assert location.uri == (tmp_path / "step.cell").as_uri()
        renaming = lsp.RenameParams(new_name="double", **editor.at(7, 11))
        renamed = await client.text_document_rename_async(renaming)
        assert {len(edits) for edits in renamed.changes.values()} == {1, 2}

        # What the other file has in the editor counts, before it is saved.
        other = Editor(client, (tmp_path / "step.cell").as_uri())
        await other.open("def thrice(v) = 3 * v\n")
        if not client.diagnostics[editor.uri]:
            await editor.problems()
        assert [d.code for d in client.diagnostics[editor.uri]] == ["E0114"]

        for asked, why in [("h", "would be wrong"), ("if", "no name")]:
            with pytest.raises(Exception, match=why):
                renaming = lsp.RenameParams(new_name=asked, **editor.at(6, 4))
                await client.text_document_rename_async(renaming)
        with pytest.raises(Exception, match="not declared"):
            preparing = lsp.PrepareRenameParams(**editor.at(6, 9))
            await client.text_document_prepare_rename_async(preparing)

    conversation(tmp_path, say)


def test_it_says_what_it_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from celldsl.cli.main import main

    monkeypatch.setitem(sys.modules, "pygls.lsp.server", None)
    assert main(["lsp"]) == 1
    assert 'pip install "celldsl[lsp]"' in capsys.readouterr().err
