"""What the backward program looks like: its leaves, its tape, its regions, its sums over rows."""

from __future__ import annotations

from collections import Counter

import pytest

from celldsl.ir.program import Program, Rows
from celldsl.structs import replace
from celldsl.transforms.autodiff import differentiate
from tests.programs import CELLS, IN, Cell, H, vm


def leaves(p: Program, kind: str) -> list[str]:
    return [leaf.name for leaf in p.leaves if leaf.kind == kind]


@pytest.mark.parametrize("name", CELLS)
def test_the_tape_is_what_is_read(name: str) -> None:
    forward, backward = differentiate(CELLS[name]())
    assert list(forward.saved) == leaves(backward, "saved")
    read = {*backward.wanted(), *(arg for node in backward.nodes() for arg in node.args)}
    assert set(forward.saved) <= read
    assert backward.reverse and not forward.reverse


@pytest.mark.parametrize("name", CELLS)
def test_one_sum_over_rows_for_each_value(name: str) -> None:
    forward, backward = differentiate(CELLS[name]())
    sums = [node.args[0] for node in backward.nodes() if node.op == "rowsum"]
    once = [value for value, kind in forward.types().items() if kind.rows == Rows.ONCE]
    starts = [s for s in forward.states if s.start is not None]
    assert not [value for value, times in Counter(sums).items() if times > 1]
    assert len(sums) <= len(once) + 2 * len(starts)


def test_states_are_cotangents_of_the_same_name() -> None:
    _, backward = differentiate(CELLS["lstm"]())
    assert leaves(backward, "state") == ["h", "c"]
    assert leaves(backward, "input") == ["d:y", "d:c", "x"]
    assert [s.start for s in backward.states] == [None, None]
    assert "c@in" in leaves(backward, "saved")


def test_numbers_are_made_again() -> None:
    forward, backward = differentiate(CELLS["matrix_state"]())
    kinds = {node.name: node.op for node in forward.nodes()}
    assert "number" not in {kinds.get(name) for name in forward.saved}
    assert "number" in {node.op for node in backward.before}


def test_a_mask_is_saved_even_with_a_known_rate() -> None:
    c = Cell(input_x=(H,), state_h=(H,))
    mask = c["x"].number(0.5).op("mask", site=0, per="step", kind="dropout", shape=(H,))
    y = c["x"] * mask + c["h"]
    forward, backward = differentiate(c.program({"y": y}, {"h": y}))
    assert forward.saved == (mask.name,)
    assert "mask" not in {node.op for node in backward.nodes()}


def test_what_is_not_reached_is_zero() -> None:
    c = Cell(input_x=(IN,), state_h=(H,), param_W=(IN, H), param_unused=(H,))
    y = vm(c["x"], c["W"]).op("stop_gradient")
    _, backward = differentiate(c.program({"y": y}, {"h": c["h"]}))
    defined = {node.name: node.op for node in backward.nodes()}
    found = {r.name: defined[r.value] for r in backward.results}
    assert found == {"x": "broadcast", "W": "broadcast", "unused": "broadcast"}
    assert not backward.step and not backward.after
    assert [(s.name, s.next) for s in backward.states] == [("h", "h")]


def test_sums_over_rows_are_not_differentiated() -> None:
    _, backward = differentiate(CELLS["plain_rnn"]())
    outputs = tuple(replace(r, kind="output") for r in backward.results)
    with pytest.raises(ValueError, match="rowsum stands in a program"):
        differentiate(replace(backward, results=outputs))
