"""Every compiled loop in plain Python, with every access looked at, against the reference."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from celldsl.api import load
from celldsl.jit.checked import AccessError, CheckedArray, CheckedPointer, checked_mode
from celldsl.runtime.buffers import Buffers
from tests.cells import EVERY
from tests.end_to_end.compare import Setup, compare_all
from tests.end_to_end.subject import FEATURES, subject_of
from tests.tenth import marked
from tests.zoo.subject import zoo_subject

FEATURE_FILES = {path.stem: path for path in sorted(FEATURES.glob("*.cell"))}
SETUPS = (
    Setup(T=3, B=2),
    Setup(T=3, B=3, lengths=(2, 3, 0), reverse=True, threads=2, given=False),
)


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    checked_mode.cache_clear()
    monkeypatch.setenv("CELLDSL_CHECKED", "1")
    assert checked_mode()
    yield
    monkeypatch.undo()
    checked_mode.cache_clear()


@pytest.mark.parametrize("name", marked(FEATURE_FILES))
def test_feature_cells_keep_to_their_buffers(
    name: str, checked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare_all(subject_of(FEATURE_FILES[name]), SETUPS, monkeypatch)


@pytest.mark.parametrize("name", marked(EVERY))
def test_cells_of_the_zoo_keep_to_their_buffers(
    name: str, checked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare_all(zoo_subject(name), SETUPS, monkeypatch)


def small(tmp_path: Path) -> Any:
    (tmp_path / "small.cell").write_text(
        "cell Small[H]:\n    input x: [H]\n    state h: [H]\n"
        "    g = sigmoid(linear([x, h], H))\n    h' = g * h + (1 - g) * tanh(x)\n    output h'\n",
        encoding="utf-8",
    )
    return load(tmp_path / "small.cell")(H=5, seed=0, dtype="float64")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("for j0 in range(d_H):", "for j0 in range(d_H + 1):", r"outside its \d+ elements"),
        ("        m_h_next[j0] = v_h_next\n", "        pass\n", "is read, and nobody wrote it"),
    ],
)
def test_an_access_that_must_not_be_names_its_equation(
    tmp_path: Path, checked: None, monkeypatch: pytest.MonkeyPatch, old: str, new: str, told: str
) -> None:
    cell = small(tmp_path)
    made_in = cell.description.lengths.parameters.__globals__["__file__"]
    text = Path(made_in).read_text(encoding="utf-8")
    assert old in text
    space: dict[str, Any] = {"__name__": "mutant"}
    mutant = tmp_path / "mutant.py"
    mutant.write_text(text.replace(old, new, 1), encoding="utf-8")
    exec(compile(mutant.read_text(encoding="utf-8"), str(mutant), "exec"), space)
    broken = space["Small"](H=5, seed=0, dtype="float64")
    with pytest.raises(AccessError, match=told) as error:
        broken.forward(np.ones((3, 2, 5)))
    assert "forward_" in str(error.value)


def test_a_pointer_keeps_to_the_buffer_in_which_it_begins() -> None:
    flat = CheckedArray("work", np.zeros(10), False, [("a", 0), ("empty", 4), ("b", 4)])
    a, b = CheckedPointer(flat, 1), CheckedPointer(flat, 4)
    b[5] = 2.0
    assert b[5] == 2.0
    for index, told in ((3, r"a\[4\] of work is read, outside its 4"), (-2, r"a\[-1\]")):
        with pytest.raises(AccessError, match=told):
            a[index]
    with pytest.raises(AccessError, match=r"b\[6\] of work is written"):
        b[6] = 1.0
    with pytest.raises(AccessError, match=r"b\[0\] of work is read, and nobody wrote it"):
        b[0]


def test_scratch_is_fresh_in_checked_mode(checked: None) -> None:
    buffers = Buffers("float64")
    first = buffers.take(100).array
    assert buffers.take(100).array is not first


def test_checked_cells_run_no_compiled_phases(tmp_path: Path, checked: None) -> None:
    assert checked_mode()
    assert small(tmp_path)._engine.ahead.codes is None


def test_a_layer_of_pytorch_goes_back_over_its_tape(tmp_path: Path, checked: None) -> None:
    """Its tape is another array over the memory that the way forth wrote to."""
    torch = pytest.importorskip("torch")
    layers = pytest.importorskip("celldsl.torch")
    cell = small(tmp_path)
    layer = layers.RNN(type(cell), H=5, dtype=torch.float64)
    for name, own in layer.layers["0"].named_parameters():
        own.data = torch.as_tensor(cell.params[name].copy())
    x = np.random.default_rng(0).normal(size=(3, 2, 5))
    given = torch.tensor(x, requires_grad=True)
    y, _ = layer(given)
    y.sum().backward()
    mine, _, tape = cell.forward(x)
    np.testing.assert_allclose(y.detach(), mine, rtol=0, atol=1e-12)
    gradients = cell.backward(tape, np.ones_like(mine))
    np.testing.assert_allclose(given.grad, gradients.inputs["x"], rtol=0, atol=1e-12)
