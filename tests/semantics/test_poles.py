"""`where` and functions with a pole: what W0510 says is so, and its fix mends it."""

from __future__ import annotations

import numpy as np
import pytest

import celldsl
from celldsl.pipeline import check_source

CELL = """\
cell Bounded[H]:
    input x: [H]
    state h: [H]

    y = {}
    h' = 0.5 * h + y

    output h'
"""
# An expression, an input at the pole, and one where the branch is chosen.
BOUNDED = {
    "where(x > 0, log(x), 0)": (0.0, 2.0),
    "where(x <= 0, 0, 1 / x)": (0.0, 2.0),
    "where(x > 0, sqrt(x), 0)": (0.0, 2.0),
    "where(x > -1, log1p(x), 0)": (-1.0, 2.0),
    "where(x > 0, rsqrt(x), 1)": (0.0, 2.0),
    "where(x > 0, x ** 0.5, 0)": (0.0, 2.0),
    "where(x < 1, log(1 - x), 0)": (1.0, -2.0),
    "where(x == 3, 0, 1 / (x - 3))": (3.0, 2.0),
    "where(x < 0, sqrt(-x), 0)": (0.0, -2.0),
    "where(x < 1, log1p(-x), 0)": (1.0, -2.0),
    "where(abs(x) > 0.5, 1 / x, 0)": (0.0, 2.0),
    "where(1 > abs(x), sqrt(1 - x * x), 0)": (1.0, 0.5),
    "where(abs(x) < 1, log(1 - x ** 2), 0)": (1.0, 0.5),
    "where(x * x > 0.25, 1 / x, 0)": (0.0, 2.0),
    "where(abs(x) ** 2 > 0.25, 1 / x, 0)": (0.0, 2.0),
}


def gradient(text: str, at: float) -> np.ndarray:
    cell = celldsl.compile_source(text)(H=3, dtype="float64")
    y, _, tape = cell.forward(np.full((1, 1, 3), at))
    return cell.backward(tape, np.ones_like(y)).inputs["x"]


def fixed(text: str) -> str:
    (found,) = check_source(text).diagnostics
    assert found.code == "W0510"
    assert found.fix is not None
    span = found.fix.span
    return f"{text[: span.start]}{found.fix.replacement}{text[span.end :]}"


@pytest.mark.parametrize("expression", BOUNDED)
def test_the_gradient_is_nan_before_the_fix_and_right_after_it(expression: str) -> None:
    text, (pole, chosen) = CELL.format(expression), BOUNDED[expression]
    better = fixed(text)
    assert not check_source(better).diagnostics
    with np.errstate(all="ignore"):
        assert np.isnan(gradient(text, pole)).all()
    assert not gradient(better, pole).any()
    inside = gradient(better, chosen)
    np.testing.assert_allclose(inside, gradient(text, chosen), rtol=1e-12)
    assert inside.all()


@pytest.mark.parametrize(
    "expression",
    [
        "where(x > 0, log(x + 1), 0)",
        "where(x > 0, stop_gradient(log(x)), 0)",
        "where(x > 0, log(where(x > 0, x, 1)), 0)",
        "where(h > 0, log(abs(x) + 1), 0)",
        "where(x > 0, x, 0) / 2",
        "where(x > 0, x ** 2, 0)",
        "where(x > 0, log(1 + x), 0)",
        "where(x < 1, log(2 - x), 0)",
        "where(H > 1, log(H - 1), x)",
        "stop_gradient(where(x > 0, log(x), 0))",
        "where(x < 2 * H, x / (2 * H), 0)",
        "where(x > 0, sqrt(x * x + 1), 0)",
    ],
)
def test_what_meets_no_pole_is_not_warned_of(expression: str) -> None:
    found = check_source(CELL.format(expression)).diagnostics
    assert "W0510" not in {each.code for each in found}


def test_a_condition_may_have_a_name_of_its_own() -> None:
    text = CELL.format("where(apart, 1 / x, 0)").replace(
        "    y =", "    apart = abs(x) > 0.5\n    y ="
    )
    better = fixed(text)
    assert not check_source(better).diagnostics
    assert not gradient(better, 0.0).any()


@pytest.mark.parametrize(("term", "count"), [("v{0} * v{0}", 40), ("v{0} + 0.5", 2000)])
def test_a_branch_may_name_a_long_chain(term: str, count: int) -> None:
    """Each value is looked into once, and no deeper than the chain is long."""
    chain = "\n".join(f"    v{i + 1} = {term.format(i)}" for i in range(count))
    text = CELL.format(f"where(x > 0, log(v{count}), 0)")
    text = text.replace("\n\n    y", f"\n\n    v0 = 1 / x\n{chain}\n    y")
    found = [d for d in check_source(text).diagnostics if d.code == "W0510"]
    assert [d.primary.span.text for d in found] == ["x"]


def test_a_condition_may_name_a_long_chain() -> None:
    chain = "\n".join(f"    c{i + 1} = c{i} and c{i}" for i in range(40))
    text = CELL.format("where(c40, log(x), 0)")
    text = text.replace("\n\n    y", f"\n\n    c0 = x > 0\n{chain}\n    y")
    found = [d for d in check_source(text).diagnostics if d.code == "W0510"]
    assert [d.primary.span.text for d in found] == ["x"]
