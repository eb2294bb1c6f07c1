"""Hyperparameters of inner cells that are computed where the cell is declared."""

from __future__ import annotations

import pytest

from celldsl.pipeline import check_source

CELLS = """\
cell Inner[I, H](k = 2):
    input x: [I]
    state h: [H]
    require k >= 2, "at least two"
    h' = tanh(linear([x, h], H)) * k
    output h'


cell Outer[I, H](d = 3, r = 0.5):
    input x: [I]
    sub a = Inner[I, H](k={})
    y = a(x) * d * r
    output y
"""


@pytest.mark.parametrize("value", ["d + 1", "2 * r + H", "d * d - r", "H", "4"])
def test_a_condition_follows_sums_and_products(value: str) -> None:
    assert check_source(CELLS.format(value)).diagnostics == []


def test_a_condition_that_cannot_hold() -> None:
    found = check_source(CELLS.format("1")).diagnostics
    assert [d.code for d in found] == ["E0305"]


def test_what_a_condition_cannot_follow_is_told() -> None:
    (found,) = check_source(CELLS.format("sqrt(r)")).diagnostics
    assert found.code == "E0301"
    assert "computed" in found.message
