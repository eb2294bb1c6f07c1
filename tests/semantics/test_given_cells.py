"""Cells that are given, sizes that inputs say, and layers in one loop."""

from __future__ import annotations

import numpy as np
import pytest

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.errors import CellError, SettingError
from celldsl.diagnostics.span import Source
from celldsl.pipeline import front
from celldsl.syntax.format.format import format_source
from tests.semantics.lowering import Cell, close, codes, lower, params

CELLS = """
def twice(v) = 2 * v
cell Plain[I, H]:
    input x: [I]
    state h: [H]
    h' = tanh(linear([x, h], H))
    output h'
cell Leaky[I, H](keep = 0.5):
    input v: [I]
    state m, n: [H]
    m' = keep * m + linear(v, H)
    n' = n + m'
    output n'
"""
STACK = """
cell Stack[I, H](inner = Plain, layers = 3):
    input x: [I]
    v = x
    for k in 0..layers:
        sub layer = inner[_, H]
        v = layer(v)
    output v
"""


def test_a_cell_is_given_by_its_name() -> None:
    assert params(CELLS + STACK, "Stack", layers=2) == {
        "layer.0.h.W_x": "I, H", "layer.0.h.W_h": "H, H", "layer.0.h.b": "H",
        "layer.1.h.W_x": "H, H", "layer.1.h.W_h": "H, H", "layer.1.h.b": "H",
    }  # fmt: skip
    found = params(CELLS + STACK, "Stack", layers=2, inner="Leaky")
    assert found["layer.0.m.W_v"] == "I, H" and found["layer.1.m.W_v"] == "H, H"
    _, spec = lower(CELLS + STACK, "Stack", inner="Leaky", layers=1)
    assert [s.name for s in spec.states] == ["layer.0.m", "layer.0.n"]


def test_layers_compute_what_they_would_apart() -> None:
    cell = Cell(CELLS + STACK, {"layers": 2}, cell="Stack", I=2, H=3)
    h = [np.zeros((2, 3))] * 2
    for x, found in zip(cell["x"], cell.output("v"), strict=True):
        v = x
        for k in range(2):
            W, U, b = (cell[f"layer.{k}.h.{n}"] for n in ("W_x", "W_h", "b"))
            v = h[k] = np.tanh(v @ W + h[k] @ U + b)
        close(found, v)


def test_a_cell_is_given_on() -> None:
    text = """
cell Around[I, H](inner = Plain):
    input x: [I]
    sub deep = Stack[I, H](inner=inner, layers=2)
    sub own = Stack[I, H](inner=Leaky, layers=1)
    y = deep(x) + own(x)
    output y
"""
    found = set(params(CELLS + STACK + text, "Around", inner="Leaky"))
    assert {"deep.layer.1.m.W_v", "own.layer.0.m.W_v"} <= found


@pytest.mark.parametrize("name", ["Plan", "tanh", "twice", "Stack"])
def test_what_is_no_fitting_cell_is_refused(name: str) -> None:
    with pytest.raises((SettingError, CellError), match=r"no cell|contain each other"):
        front(Source("a.cell", CELLS + STACK), Report(), "Stack", {"inner": name})


def test_a_cell_of_another_file_is_given(tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    (folder / "cells.cell").write_text(CELLS)
    text = 'use Plain, Leaky as Slow from "cells.cell"\n' + STACK
    path = folder / "stack.cell"
    path.write_text(text)
    found = front(Source("stack.cell", text), Report(), "Stack", {"inner": "Slow"},
                  path=path, root=folder)  # fmt: skip
    assert found.spec.params[0].name == "layer.0.m.W_v"


def test_sizes_that_inputs_say() -> None:
    text = """
cell Two[I, J, H]:
    input x: [I]
    input z: [2, J]
    state h: [H]
    h' = linear([x, reshape(z, [2*J]), h], H)
    output h'
cell Top[N, H]:
    input x: [N]
    sub g = Two[_, _, H]
    y = g(concat([x, x]), reshape(concat([x, x, x, x]), [2, 2*N]))
    output y
"""
    found = params(text, "Top")
    assert (found["g.h.W_x"], found["g.h.W_1"]) == ("2*N, H", "4*N, H")


def test_a_loop_may_change_a_size_once() -> None:
    text = """
cell C[I, H]:
    input x: [I]
    v = x
    for k in 0..3:
        v = tanh(linear(v, {width}))
    output v
"""
    assert codes(text.format(width="H")) == []
    assert params(text.format(width="H"))["v.1.W_v"] == "H, H"
    assert codes(text.format(width="(k+1)*H")) == ["E0212"]
    assert "E0212" in codes(text.replace("tanh(linear(v, {width}))", "outer(v, v)"))


def test_names_stay_names() -> None:
    """A hyperparameter that is called like a cell, and is a number, hides no cell."""
    text = """
cell C[I, H](Plain = 2.0):
    input x: [I]
    sub g = Plain[I, H]
    y = g(x) * Plain
    output y
"""
    assert codes(CELLS + text) == []


def test_the_formatter_keeps_an_open_size() -> None:
    text = "cell A[I]:\n    input x: [I]\n    sub g = B[ _,I ]\n\n    y = g(x)\n\n    output y\n"
    assert "sub g = B[_, I]" in format_source(Source("f.cell", text))
