"""The nearest name."""

from __future__ import annotations

import pytest

from celldsl.diagnostics.suggest import edit_distance, nearest


@pytest.mark.parametrize(
    ("name", "meant"),
    [("sigmiod", "sigmoid"), ("Tanh", "tanh"), ("tahn", "tanh"), ("qqqq", None), ("x", None)],
)
def test_nearest(name: str, meant: str | None) -> None:
    assert nearest(name, ["sigmoid", "tanh", "h"]) == meant


def test_distance_counts_a_swap_once() -> None:
    assert edit_distance("ab", "ba") == 1
    assert edit_distance("", "abc") == 3
    assert edit_distance("kitten", "sitting") == 3
