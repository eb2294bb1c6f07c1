"""A mistake in a cell is shown as the message, not under our own frames."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import celldsl

BAD = "cell Bad[I, H]:\n    input x: [I]\n    state h: [H]\n\n    h' = x\n\n    output h'\n"
LOADS = {
    "file": "celldsl.load('bad.cell')",
    "source": "celldsl.compile_source(open('bad.cell').read())",
}


@pytest.mark.parametrize("call", LOADS.values(), ids=LOADS)
def test_a_script_shows_its_own_line_and_the_message(call: str, tmp_path: Path) -> None:
    (tmp_path / "bad.cell").write_text(BAD, encoding="utf-8")
    (tmp_path / "script.py").write_text(f"import celldsl\n{call}\n", encoding="utf-8")
    root = Path(celldsl.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "CELLDSL_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    frames = [line for line in done.stderr.splitlines() if line.startswith("  File ")]
    assert [frame.partition(",")[0].rpartition("/")[2].strip('"') for frame in frames] == [
        "script.py",
        "api.py",
    ]
    assert "error[E02" in done.stderr
    assert "During handling" not in done.stderr


def test_a_notebook_shows_the_message_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    with pytest.raises(celldsl.CellError) as caught:
        celldsl.compile_source(BAD)
    shown = "\n".join(caught.value._render_traceback_())
    assert "h' = x" in shown
    assert "\x1b[" in shown
    assert "Traceback" not in shown
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in "\n".join(caught.value._render_traceback_())
