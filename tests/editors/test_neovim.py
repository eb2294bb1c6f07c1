"""`celldsl lsp` in Neovim, where there is one: it starts the server and shows what it says."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pygls.lsp.server")

TEXT = """cell Mine[I, H]:
    input x: [I]
    state h: [H]

    z  = sigmid(linear([x, h], H))
    h' = z * h

    output h'
"""
# What somebody does by hand: open a file, read the problem, mend it, hover, give a new name.
SCRIPT = """
local told = {}
local function wait(what) assert(vim.wait(60000, what, 50), 'nothing came') end
local client = vim.lsp.start_client({ name = 'celldsl', cmd = { PYTHON, '-m', 'celldsl', 'lsp' } })
vim.lsp.buf_attach_client(0, client)
wait(function() return #vim.diagnostic.get(0) == 1 end)
told.problem = vim.diagnostic.get(0)[1].message
told.code = vim.diagnostic.get(0)[1].code
local function ask(method, more)
  local params = vim.tbl_extend('force', vim.lsp.util.make_position_params(), more or {})
  local answers = vim.lsp.buf_request_sync(0, method, params, 60000)
  return answers[client].result
end
vim.api.nvim_win_set_cursor(0, { 5, 10 })
local range = vim.lsp.util.make_range_params()
range.context = { diagnostics = {} }
local actions = vim.lsp.buf_request_sync(0, 'textDocument/codeAction', range, 60000)[client].result
vim.lsp.util.apply_workspace_edit(actions[1].edit, 'utf-16')
wait(function() return #vim.diagnostic.get(0) == 0 end)
vim.api.nvim_win_set_cursor(0, { 6, 9 })
told.hover = ask('textDocument/hover').contents.value
local edit = ask('textDocument/rename', { newName = 'keep' })
vim.lsp.util.apply_workspace_edit(edit, 'utf-16')
told.text = vim.api.nvim_buf_get_lines(0, 0, -1, false)
local out = io.open('told.json', 'w')
out:write(vim.json and vim.json.encode(told) or vim.fn.json_encode(told))
out:close()
vim.lsp.stop_client(client)
vim.cmd('qa!')
"""


def test_in_neovim(tmp_path: Path) -> None:
    editor = shutil.which("nvim")
    if editor is None:
        pytest.skip("there is no nvim")
    (tmp_path / "mine.cell").write_text(TEXT, encoding="utf-8")
    script = SCRIPT.replace("PYTHON", json.dumps(sys.executable))
    (tmp_path / "say.lua").write_text(script, encoding="utf-8")
    command = [editor, "--clean", "--headless", "mine.cell", "-c", "luafile say.lua", "-c", "qa!"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert (tmp_path / "told.json").exists(), done.stderr
    told = json.loads((tmp_path / "told.json").read_text(encoding="utf-8"))
    assert told["code"] == "E0101"
    assert "did you mean `sigmoid`?" in told["problem"]
    assert "z: [H]" in told["hover"]
    assert told["text"][4:6] == ["    keep  = sigmoid(linear([x, h], H))", "    h' = keep * h"]
