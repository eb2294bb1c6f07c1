"""What is warned of, and what is not."""

from __future__ import annotations

import pytest

from celldsl.pipeline import check_source

HEAD = """
cell Main[I, H]:
    input x: [I]
    state h: [H]

"""


def codes(equations: str) -> list[str]:
    text = HEAD + "".join(f"    {line}\n" for line in equations.splitlines()) + "    output h'\n"
    return [found.code for found in check_source(text).diagnostics]


@pytest.mark.parametrize(
    "equations",
    [
        "p = linear(x, H)\nq = linear(h, H)\nh' = tanh(p + q)",
        "param b: [H]\nh' = tanh(linear([x, h], H) + b)",
        "p = linear(x, H)\nq = linear(h, H)\ns = p + q\nh' = sigmoid(s) * s",
    ],
)
def test_a_bias_that_another_absorbs(equations: str) -> None:
    assert codes(equations) == ["W0504"]


@pytest.mark.parametrize(
    "equations",
    [
        "p = linear(x, H)\nq = linear(h, H)\nh' = sigmoid(p + q) * p + sigmoid(p - q) * h",
        "param a, b: [H]\nh' = tanh(a * x[0] + b + h) + a + h",
        "p = linear(x, H)\nq = linear(h, H)\ns = p + q\nh' = tanh(s) * q",
        "p = linear(x, H)\nq = linear(h, H)\nr = sigmoid(p + q)\nh' = tanh(p + r * q)",
    ],
)
def test_two_biases_that_do_not_always_stand_together(equations: str) -> None:
    assert codes(equations) == []


INNER = """
cell Inner[I, H]:
    input x: [I]
    state h: [H]
    y = tanh(linear(x, H))
    h' = y
    output y
"""
OUTER = """
cell Outer[I, H]{}:
    input x: [I]
    sub g = {}
    {}
    y = g(x) + {}
    output y
"""


@pytest.mark.parametrize(
    ("outer", "found"),
    [
        ("", ["W0503"]),
        (OUTER.format("", "Inner[I, H]", "", "g.h"), []),
        (OUTER.format("(kind = Inner)", "kind[I, H]", "", "g.h"), []),
        (OUTER.format("", "Inner[I, H]", "sub f = shared g", "f(x) * f.h"), []),
        (OUTER.format("", "Inner[I, H]", "", "x[0]"), ["W0503"]),
    ],
)
def test_a_state_may_be_there_for_a_cell_around(outer: str, found: list[str]) -> None:
    assert [d.code for d in check_source(INNER + outer).diagnostics] == found


def test_what_a_loop_needs_before_it_is_used() -> None:
    """Without the first line `v` would be the loop's alone; what it ends with must be read."""
    begins = "v = zeros([H])\nfor k in 0..2:\n    v = tanh(linear([x, h], H))\n"
    assert codes(f"{begins}h' = v") == []
    assert codes(f"{begins}h' = 2 * h") == ["W0501"]
