"""Weights that are shared: names, how many there are, and what a cell computes with them."""

from __future__ import annotations

import numpy as np

from celldsl.diagnostics.span import Source
from celldsl.pipeline import check_source
from celldsl.syntax.format.format import format_source
from tests.semantics.lowering import Cell, close, codes, params

FLOW = """
{word}def flow(v, x, N):
    a = tanh(linear([v, x], N))
    return a - v
cell C[I, H]:
    input x: [I]
    state h: [H]
    v = h
    for k in 0..3:
        v = v + 0.1 * flow(v, x, H)
    h' = v
    output h'
"""
INNER = """
cell R[I, H]:
    input x: [I]
    param tau: [H]
    state h: [H]
    h' = tanh(linear([x, h], H)) * tau
    output h'
cell Twin[I, H]:
    input x, z: [I]
    sub left  = R[I, H]
    sub right = shared left
    b = right(z)
    a = left(x)
    output a, b
"""


def test_a_shared_function_has_one_set_of_weights() -> None:
    assert params(FLOW.format(word="shared ")) == {
        "flow.a.W_v": "H, H", "flow.a.W_x": "I, H", "flow.a.b": "H"
    }  # fmt: skip
    assert len(params(FLOW.format(word=""))) == 9


def test_all_its_calls_compute_with_them() -> None:
    cell = Cell(FLOW.format(word="shared "), I=3, H=4)
    W, U, b = (cell[f"flow.a.{n}"] for n in ("W_v", "W_x", "b"))
    h = np.zeros(4)
    for x, found in zip(cell["x"], cell.output("h"), strict=True):
        v = h
        for _ in range(3):
            v = v + 0.1 * (np.tanh(v @ W + x @ U + b) - v)
        h = v
        close(found, h)


def test_inner_cells_share_weights_and_not_states() -> None:
    assert set(params(INNER, "Twin")) == {"left.tau", "left.h.W_x", "left.h.W_h", "left.h.b"}


def test_calls_that_may_be_meant_to_share_are_told() -> None:
    assert codes(FLOW.format(word="")) == ["W0511"]
    assert codes(FLOW.format(word="shared ")) == []
    marked = FLOW.format(word="").replace("x, H)", "x, H)  # celldsl: ignore[W0511]")
    assert codes(marked) == []


def test_a_helper_for_several_gates_stays_clean() -> None:
    text = """
def gate(v, w, N) = sigmoid(linear([v, w], N))
cell C[I, H]:
    input x: [I]
    state h: [H]
    i  = gate(x, h, H)
    f  = gate(x, h, H)
    h' = f * h + i * x[0]
    output h'
"""
    assert codes(text) == []


def test_shared_is_a_name_everywhere_else() -> None:
    text = """
shared def shared(shared, N) = linear(shared, N)
cell Shared[I, H]:
    input shared_x: [I]
    state h: [H]
    a  = shared(shared_x, H)
    h' = tanh(a + h)
    output h'
cell Named[I](shared = 1.0):
    input x: [I]
    y = x * shared
    output y
"""
    assert check_source(text).diagnostics == []


def test_the_formatter_keeps_the_word() -> None:
    text = "shared   def f(v,N)=linear(v,N)\n"
    assert format_source(Source("f.cell", text)) == "shared def f(v, N) = linear(v, N)\n"
