"""What `inspect`, `help` and editors see; and that what is freed says nothing."""

from __future__ import annotations

import inspect
import pydoc
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import celldsl
from celldsl.runtime.buffers import PooledBuffer
from tests.runtime.fake_cell import Fake
from tests.runtime.fake_pair import Pair


def names(found: object) -> list[str]:
    return list(inspect.signature(found).parameters)  # type: ignore[arg-type]


def test_signatures_are_those_of_the_cell(cell: Fake, pair: Pair) -> None:
    built = inspect.signature(Fake).parameters
    assert list(built) == ["I", "H", "scale", "activation", "dtype", "seed", "engine", "products"]
    assert built["I"].default is inspect.Parameter.empty
    assert (built["H"].default, built["scale"].default, built["activation"].default) == (
        None, 1.0, "tanh",
    )  # fmt: skip
    assert built["scale"].annotation is float
    assert inspect.signature(Pair).parameters["w"].default is inspect.Parameter.empty
    assert names(cell) == ["x", "state", "lengths", "reverse", "resets", "states"]
    assert names(pair) == ["inputs", "state", "lengths", "reverse", "resets", "states", "x", "z"]
    assert names(cell.step) == ["x", "state", "resets"]
    assert names(cell.forward)[:4] == ["x", "state", "lengths", "reverse"]
    assert names(cell.backward)[:3] == ["tape", "dy", "dstate"]
    assert names(cell.stream) == ["batch", "state"]
    assert "named" not in names(cell.forward) and "unknown" not in names(cell.backward)


def test_every_keyword_that_is_shown_is_taken(cell: Fake, pair: Pair) -> None:
    x = np.zeros((2, 2, 3))
    for method in (cell, cell.forward):
        shown = inspect.signature(method).parameters.values()
        method(x, **{p.name: p.default for p in shown if p.kind is p.KEYWORD_ONLY})
    shown = inspect.signature(pair).parameters.values()
    given = {p.name: p.default for p in shown if p.kind is p.KEYWORD_ONLY}
    pair(**{**given, "x": x, "z": x[:, :, 0].copy()})


def test_help_names_the_cell() -> None:
    text = pydoc.plain(pydoc.render_doc(Fake))
    assert "Fake(*, I: int, H: int = None, scale: float = 1.0" in text
    assert "forward(self, x: 'object' = None, /, state" in text


def test_types_come_along() -> None:
    assert (Path(celldsl.__file__).parent / "py.typed").is_file()
    for name in ("ArgumentError", "ArgumentTypeError", "WeightsError", "NonFiniteError"):
        assert issubclass(getattr(celldsl, name), Exception)
    with pytest.raises(celldsl.ArgumentError):
        Fake(I=0)


def test_a_buffer_that_was_never_filled_in_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    buffer = object.__new__(PooledBuffer)
    del buffer
    assert not told


QUIET = """
import sys, threading, time
import numpy as np
import celldsl
cell = celldsl.compile_source({text!r})(H=4)
x = np.ones((50, 2, 4), np.float32)
kept = [cell.forward(x) for _ in range(3)]
sys.kept = kept, [cell.stream()]
def work():
    while True:
        cell.backward(cell.forward(x)[2])
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
{more}
time.sleep(0.1)
"""
TORCH = """
import torch
class Pass(torch.autograd.Function):
    @staticmethod
    def forward(ctx, given):
        y, _, ctx.tape = cell.forward(given.detach().numpy().copy())
        return torch.from_numpy(y)
    @staticmethod
    def backward(ctx, dy):
        return torch.from_numpy(cell.backward(ctx.tape, dy.numpy().copy()).inputs["x"])
given = torch.ones(50, 2, 4, requires_grad=True)
for _ in range(5):
    Pass.apply(given).sum().backward()
sys.graph = Pass.apply(given)
"""
SUM = "cell Sum[H]:\n    input x: [H]\n    state h: [H]\n\n    h' = tanh(h + x)\n\n    output h'\n"


@pytest.mark.parametrize("more", ["", TORCH])
def test_nothing_is_printed_at_the_end_of_the_interpreter(more: str) -> None:
    if more:
        pytest.importorskip("torch")
    code = QUIET.format(text=SUM, more=more)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
