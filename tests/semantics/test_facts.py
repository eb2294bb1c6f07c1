"""Proofs about sizes: what is shown is so, and what a message asks for settles it."""

from __future__ import annotations

import itertools
import random
import re
from fractions import Fraction

import pytest

from celldsl.ir.size import NotIntegral, Size
from celldsl.pipeline import check_source
from celldsl.semantics.constraints import Constraints

H, K = Size.dim("H"), Size.dim("K")
_ADD = re.compile(r"add `(require .*)`")

# Expressions that hold for some sizes alone, and how many conditions they need.
CONDITIONAL = {
    "reshape(linear(h, 6*H), [4, 6*H/4])": 1,
    "split(linear(h, H + K), 2)": 1,
    "split(linear(h, 2*H + 4), 4)": 1,
    "reshape(linear(h, H*I), [K, H*I/K])": 1,
    "reshape(h, [K, I, H/K/I])": 1,
    "linear(h, (H - 1)/2)": 2,
    "linear(h, 2*H/K)": 1,
    "linear(h, H*K/6)": 1,
    "linear(h, (2*H + K)/3)": 1,
    "h[I:K]": 2,
    "zeros([2*H - K*K])": 1,
    "group_linear(h, H*K, 3)": 1,
}


@pytest.mark.parametrize("expression, conditions", CONDITIONAL.items())
def test_what_is_asked_for_settles_it(expression: str, conditions: int) -> None:
    requires: list[str] = []
    for _ in range(conditions + 1):
        lines = [
            *requires,
            "input x: [I]",
            "state h: [H]",
            f"a = {expression}",
            "h' = h",
            "output h'",
        ]
        text = "\n    ".join(["cell A[I, H, K]:", *lines, ""])
        errors = [d for d in check_source(text).diagnostics if d.code in ("E0207", "E0208")]
        if errors:
            found = _ADD.match(errors[0].help or "")
            assert found is not None, errors[0]
            requires.append(found[1])
    assert len(requires) == conditions
    assert not errors


def random_size(rng: random.Random) -> Size:
    terms = [Size.of(1), H, K, H * K, H / K]
    size = Size(())
    for _ in range(rng.randint(1, 3)):
        factor = Size((((), Fraction(rng.randint(-4, 6) or 1, rng.choice((1, 1, 2, 3, 4)))),))
        size = size + rng.choice(terms) * factor
    return size


def value(size: Size, h: int, k: int) -> int | None:
    """The number, or None where it is no whole one."""
    try:
        return size.evaluate({"H": h, "K": k})
    except NotIntegral:
        return None


@pytest.mark.parametrize("seed", range(20))
def test_what_is_shown_is_so(seed: int) -> None:
    rng = random.Random(seed)
    shown = 0
    for _ in range(60):
        number, divisor = random_size(rng), rng.choice((Size.of(2), Size.of(3), K, K * 2))
        if not number.integral or not number.dims:
            continue
        constraints = Constraints()
        constraints.assume_divides(number, divisor)
        size = rng.choice((random_size(rng), number / divisor * rng.randint(1, 3) + K))
        whole, not_negative = constraints.whole(size), constraints.not_negative(size)
        shown += whole
        for h, k in itertools.product(range(1, 9), repeat=2):
            a, b = value(number, h, k), value(divisor, h, k)
            if a is None or b is None or a % b:
                continue
            found = value(size, h, k)
            assert not whole or found is not None, (number, divisor, size, h, k)
            assert not not_negative or found is None or found >= 0, (number, divisor, size, h, k)
    assert shown


def test_of_two_bounds_the_tighter_one_is_kept() -> None:
    constraints = Constraints()
    for least in (2, 5, 3):
        constraints.assume_not_negative((H - least) * 2)
    assert constraints.bounds == [H - 5]
    assert constraints.not_negative(H - 5)
    assert not constraints.not_negative(H - 6)


def test_many_branches_on_one_dim_are_soon_checked() -> None:
    lines = [f"    if H > {i}:\n        v{i} = h\n    else:\n        v{i} = x\n" for i in range(12)]
    cell = "cell A[H]:\n    input x: [H]\n    state h: [H]\n" + "".join(lines)
    report = check_source(f"{cell}    h' = v11 + v0\n    output h'\n")
    assert not report.has_errors
