"""A mistake in a cell is shown as the message, not under our own frames."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import numpy as np
import pytest

import celldsl
from celldsl import mistakes
from tests.runtime.fake_cell import Fake

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
        "script.py"
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


def frames_of(traceback: TracebackType | None) -> list[str]:
    found = []
    while traceback is not None:
        found.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    return found


def theirs(cell: Fake) -> None:
    cell(np.zeros((2, 2, 5), np.float32))


def their_own(cell: Fake) -> None:
    raise celldsl.ArgumentError("nothing of ours")


@pytest.mark.parametrize("mistake", [theirs, their_own])
def test_a_traceback_ends_where_the_callers_code_does(
    mistake: Callable[[Fake], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = test_a_traceback_ends_where_the_callers_code_does.__name__
    with pytest.raises(celldsl.ArgumentError) as caught:
        mistake(Fake(I=3, H=4))
    error, whole = caught.value, caught.value.__traceback__
    monkeypatch.setenv(mistakes.SWITCH, "1")
    assert mistakes.shortened(error, whole) is whole
    monkeypatch.delenv(mistakes.SWITCH)
    assert frames_of(mistakes.shortened(error, whole)) == [own, mistake.__name__]
    assert frames_of(error.__traceback__) == [own, mistake.__name__]


def test_other_errors_keep_their_frames() -> None:
    with pytest.raises(TypeError) as caught:
        mistakes.shortened()  # type: ignore[call-arg]
    assert mistakes.shortened(caught.value, caught.tb) is caught.tb


def test_hooks_that_are_there_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[list[str]] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, tb: told.append(frames_of(tb)))
    monkeypatch.setattr(threading, "excepthook", lambda args: told.append([str(args.exc_value)]))
    with pytest.raises(celldsl.ArgumentError) as caught:
        theirs(Fake(I=3, H=4))
    sys.excepthook(type(caught.value), caught.value, caught.value.__traceback__)
    thread = threading.Thread(target=theirs, args=(Fake(I=3, H=4),))
    thread.start()
    thread.join()
    assert told[0][-1] == "theirs" and "expected (T, B, I=3)" in told[1][0]


class Several(Exception):
    """As exception groups are, which Python 3.10 does not have."""

    def __init__(self, *exceptions: Exception) -> None:
        super().__init__("several")
        self.exceptions = exceptions


def test_a_mistake_is_shortened_where_another_error_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "excepthook", lambda *told: None)
    monkeypatch.setattr(threading, "excepthook", lambda args: None)
    causes: list[Exception] = []
    for _ in range(3):
        with pytest.raises(celldsl.ArgumentError) as caught:
            theirs(Fake(I=3, H=4))
        causes.append(caught.value)
    cause, context, member = causes
    error = RuntimeError("theirs")
    error.__cause__ = cause
    cause.__context__ = context
    context.__context__ = Several(member, error)  # and round in a circle
    sys.excepthook(RuntimeError, error, None)
    assert [frames_of(each.__traceback__)[-1] for each in causes] == ["theirs"] * 3


def test_who_took_the_hook_away_gets_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(sys, "excepthook")
    monkeypatch.setattr(threading, "excepthook", None)
    with pytest.raises(celldsl.ArgumentError, match="expected"):
        theirs(Fake(I=3, H=4))
    assert not hasattr(sys, "excepthook") and threading.excepthook is None


@pytest.mark.parametrize("text", ["gru.cell", Path("gru.cell"), b"cell G:\n", None])
def test_what_is_no_text(text: object) -> None:
    with pytest.raises(celldsl.ArgumentError, match=r"text: expected the text of a cell, got"):
        celldsl.compile_source(text)  # type: ignore[arg-type]
