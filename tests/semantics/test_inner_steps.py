"""Steps of inner cells: where they begin, how often they step, which states are carried."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from celldsl.ir.attributes import PER, SITE
from tests.semantics.lowering import Cell, close, codes, initialisers, lower, messages, params

PLAIN = """
cell Plain[I, H]:
    input x: [I]
    state h, c: [H]
    a  = tanh(linear([x, h], H))
    c' = 0.5 * c + a
    h' = c' * a
    output h'
"""
OUTER = """
cell Outer[I, H](K = 3):
    input x, z: [I]
    state s: [H]
    sub g = Plain[I, H]
{}
    s' = tanh(s + y)
    output s'
"""


def outer(*lines: str) -> str:
    return PLAIN + OUTER.format("\n".join(f"    {line}" for line in lines))


def states(*lines: str) -> set[str]:
    return {state.name for state in lower(outer(*lines), "Outer")[1].states}


class Net:
    """`Plain` and what its parameters are in a cell that was run."""

    def __init__(self, cell: Cell) -> None:
        self.W, self.U, self.b = (cell[f"g.a.{n}"] for n in ("W_x", "W_h", "b"))

    def __call__(self, x: Any, h: Any, c: Any) -> tuple[Any, Any]:
        a = np.tanh(x @ self.W + h @ self.U + self.b)
        return (0.5 * c + a) * a, 0.5 * c + a


def agrees(text: str, step: Any) -> None:
    """`step(net, x, z, s, h, c)` gives the next three."""
    cell = Cell(text, cell="Outer", I=3, H=4)
    net, s, h, c = Net(cell), *(np.zeros((2, 4)) for _ in range(3))
    for x, z in zip(cell["x"], cell["z"], strict=True):
        s, h, c = step(net, x, z, s, h, c)
    close(cell.final("s"), s)
    for name, value in (("g.h", h), ("g.c", c)):
        if name in {state.name for state in cell.spec.states}:
            close(cell.final(name), value)


def test_a_step_begins_where_it_is_told() -> None:
    def step(net: Net, x: Any, z: Any, s: Any, h: Any, c: Any) -> Any:
        y, c = net(x, np.sin(s) * h, c)
        return np.tanh(s + y + h), y, c

    agrees(outer("y = g(x, h=sin(s) * g.h) + g.h"), step)


def test_a_loop_goes_on_from_iteration_to_iteration() -> None:
    def step(net: Net, x: Any, z: Any, s: Any, h: Any, c: Any) -> Any:
        total, before = np.zeros_like(s), h
        for k in range(3):
            h, c = net(x, h, c)
            total = total + k * h
        return np.tanh(s + total + before * c), h, c

    lines = ("y = zeros([H])", "for k in 0..K:", "    u = g(x)", "    y = y + k * u")
    agrees(outer(*lines, "y = y + g.h * g.c'"), step)


def test_a_fold_goes_on_too() -> None:
    def step(net: Net, x: Any, z: Any, s: Any, h: Any, c: Any) -> Any:
        total = np.zeros_like(s)
        for k in range(3):
            h, c = net(x, h, c)
            total = total + k * h
        return np.tanh(s + total), h, c

    agrees(outer("y = sum(for k in 0..K: k * g(x))"), step)


def test_a_step_before_a_loop_is_gone_on_from() -> None:
    def step(net: Net, x: Any, z: Any, s: Any, h: Any, c: Any) -> Any:
        for at in (z, x, x, x):
            h, c = net(at, h, c)
        return np.tanh(s + h), h, c

    agrees(outer("y = g(z)", "for k in 0..K:", "    y = g(x)"), step)


def test_what_is_told_in_a_loop_is_told_in_each_iteration() -> None:
    def step(net: Net, x: Any, z: Any, s: Any, h: Any, c: Any) -> Any:
        for k in range(3):
            h, c = net(x, k * s, c)
        return np.tanh(s + h), h, c

    agrees(outer("y = s", "for k in 0..K:", "    y = g(x, h=k * s)"), step)


def test_several_steps_that_say_where_they_begin() -> None:
    def step(net: Net, x: Any, z: Any, s: Any, h: Any, c: Any) -> Any:
        one, new = net(x, s, s)
        two, new = net(z, one, new + s)
        return np.tanh(s + one + two), h, c

    text = outer("a = g(x, h=s, c=s)", "y = a + g(z, h=g.h', c=g.c' + s)")
    agrees(text, step)
    assert set(params(text, "Outer")) == {"g.a.W_x", "g.a.W_h", "g.a.b"}


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (["y = g(x)"], {"s", "g.h", "g.c"}),
        (["y = g(x, h=s)"], {"s", "g.c"}),
        (["y = g(x, h=s * g.h)"], {"s", "g.h", "g.c"}),
        (["y = g(x, h=s, c=s)"], {"s"}),
        (["y = g(x, h=s, c=s)", "y = y + g.c'"], {"s"}),
        (["y = s", "for k in 0..K:", "    y = g(x, c=y)"], {"s", "g.h"}),
    ],
)
def test_a_state_that_is_always_told_is_not_carried(lines: list[str], wanted: set[str]) -> None:
    assert states(*lines) == wanted


def test_blocks_of_what_is_told_begin_as_those_of_states() -> None:
    text = outer("v = tanh(x[0] * ones([H]))", "y = g(x, h=v, c=v)", "w = linear(v, H)")
    found = initialisers(f"{text.replace('output s', 'output w, s')}".replace(PLAIN, "") + PLAIN)
    assert (found["g.a.W_h"], found["w.W_v"]) == ("orthogonal", "glorot_uniform")


def test_inner_cells_of_a_cell_that_goes_on_go_on_too() -> None:
    text = """
cell Two[I, H]:
    input x: [I]
    sub g = Plain[I, H]
    before = g.h
    y = g(x) - before
    output y
cell Outer[I, H]:
    input x: [I]
    sub two = Two[I, H]
    y = zeros([H])
    for k in 0..2:
        y = 2 * y + two(x)
    output y
"""
    cell = Cell(PLAIN + text, cell="Outer", I=3, H=4)
    W, U, b = (cell[f"two.g.a.{n}"] for n in ("W_x", "W_h", "b"))
    h = c = np.zeros((2, 4))
    for x, found in zip(cell["x"], cell.output("y"), strict=True):
        y = np.zeros((2, 4))
        for _ in range(2):
            a = np.tanh(x @ W + h @ U + b)
            c = 0.5 * c + a
            y, h = 2 * y + c * a - h, c * a
        close(found, y)


def test_masks_of_a_sequence_are_those_of_all_steps() -> None:
    text = """
cell Masked[H]:
    input x: [H]
    state h: [H]
    a  = dropout(x, 0.5, per=sequence) + dropout(h, 0.5)
    h' = a
    output h'
cell Outer[H]:
    input x: [H]
    sub g = Masked[H]
    sub b = shared g
    for k in 0..3:
        y[k] = g(x) + b(x)
    output y
"""
    program, _ = lower(text, "Outer")
    sites = [(n[PER], n[SITE]) for n in program.nodes() if n.op == "mask"]
    assert len({site for per, site in sites if per == "sequence"}) == 2
    assert len({site for per, site in sites if per == "step"}) == 6


def test_what_is_wrong_is_told() -> None:
    assert codes(outer("a = g(x)", "y = a + g(z)")) == ["E0309"]
    assert codes(outer("a = g(x)", "y = a + g(z, h=a)")) == ["E0309"]
    assert codes(outer("y = s", "for k in 0..K:", "    y = g(x) + g(z)")) == ["E0309"]
    assert codes(outer("y = g(x, h=x)")) == ["E0203"]
    assert codes(outer("y = g(x, h=s, h=s)")) == ["E0123"]
    assert codes(outer("y = g(x, k=s)")) == ["E0123"]
    assert messages(outer("y = g(x, h=0)")) == ["the state `h` of `g` is [H]"]


def test_an_inner_cell_shares_with_one_that_has_stepped() -> None:
    lines = ("a = g(x)", "sub h = shared g", "y = a + h(z)")
    assert codes(outer(*lines, "y = y * K")) == []


@pytest.mark.parametrize(
    ("lines", "unused"),
    [
        (("a = g(x)", "y = g.h'"), []),
        (("a = g(x)", "y = s + g.h"), []),
        (("for k in 0..K:", "    a = g(x)", "y = 2 * g.h'"), []),
        (("a = g(x)", "y = 2 * s"), ["a"]),
        (("for k in 0..K:", "    a = g(x)", "y = 2 * s"), ["a"]),
        (("a = g(x)", "b = a + s", "y = g.h'"), ["b"]),
    ],
)
def test_a_step_for_its_state_is_not_in_vain(lines: tuple[str, ...], unused: list[str]) -> None:
    told = [f"the value `{name}` is never used" for name in unused]
    assert [text for text in messages(outer(*lines)) if text.startswith("the value")] == told
