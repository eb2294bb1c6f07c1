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
