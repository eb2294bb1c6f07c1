"""The canonical layout: fixed points, meaning, comments."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fuzz_front_end import Record, Sentences, check_text
from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.errors import CellError
from celldsl.diagnostics.span import Source
from celldsl.syntax.format.format import format_source
from celldsl.syntax.parse import parse

CANONICAL = '''\
"""Two cells."""

use GRU as Inner, LSTM from "cells.cell"


# The first one.
cell A[I, H=2*I](activation = tanh, rate = 0.5):
    """What it is.

    And more.
    """
    input x: [I]
    state h, c: [H] = -inf
    sub g = Inner[I, 2*H](activation=relu)

    r, u = split(sigmoid(linear([x, h], 2*H, bias=1.0)), 2)  # gates
    i    = -x ** 2 + g.h'[1:, :, 0] - (r - 1) / 2
    long = where(not (r < 1), i, -1)

    for k in 0..H-1:
        # before
        if k == 0 and H % 2 == 0:
            y[k] = x[k+1]
        # still outside
        else:
            y[k] = linear(x, H, init=normal(-1))
    # the end
    h' = u * h
    output h', y


def twice(v: [N], N) = 2 * v


def both(v):
    return v, v
'''


def laid_out(text: str, ascii: bool = False) -> str:
    return format_source(Source("a.cell", text), ascii)


def test_canonical_text_stays() -> None:
    assert laid_out(CANONICAL) == CANONICAL


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f( v )=v*2", "def f(v) = v * 2\n"),
        ("def f(v) = f(v ,axis = 1,)\n\n\n\n", "def f(v) = f(v, axis=1)\n"),
        ("def f(v)=  v [ 1 : 2 , : ]", "def f(v) = v[1:2, :]\n"),
        ("def f(v)=(v\n   # why\n  +1)", "def f(v) = (v  # why\n            + 1)\n"),
        ("def f(v)=- - v\n# end", "def f(v) = --v\n# end\n"),
        ("def f(v) = [ - 1,+v ]", "def f(v) = [-1, +v]\n"),
        ("", ""),
    ],
)
def test_layout(before: str, after: str) -> None:
    assert laid_out(before) == after


def test_ascii_spells_everything_out() -> None:
    head = "cell A[I]:\n    input x: [I]\n    state h: [I]\n"
    text = head + "    hₜ = σ(γ₀ ⊙ hₜ₋₁ − xₜ)\n    output hₜ\n"
    assert "    h' = sigmoid(gamma0 * h - x)\n    output h'\n" in laid_out(text, ascii=True)
    assert laid_out(text) == text


def test_long_lines_break_inside_brackets() -> None:
    text = "def f(v) = g(" + ", ".join(f"value_{k}" for k in range(40)) + ")\n"
    result = laid_out(text)
    assert max(map(len, result.splitlines())) <= 100
    assert result.splitlines()[1].index("value") == result.index("value_0")
    assert laid_out(result) == result


def test_a_default_stays_with_its_name() -> None:
    names = ", ".join(f"a_long_name_{k} = {k}.0" for k in range(12))
    text = laid_out(f"cell Many[H]({names}):\n    state h: [H]\n\n    h' = h\n\n    output h'\n")
    head = text.partition("):")[0].splitlines()
    assert len(head) > 2
    assert not any(line.endswith(" =") or line.lstrip().startswith("=") for line in head)
    assert all(len(line) <= 100 for line in head)


def test_errors_are_raised_not_lost() -> None:
    with pytest.raises(CellError):
        laid_out("cell A[I]\n")


def test_comments_are_all_kept() -> None:
    text = CANONICAL.replace("[x, h], 2*H", "[x, # a\n # b\n h], # c\n 2*H")
    result = laid_out(text)
    comments = parse(Source("a", text), Report()).comments
    assert [c.text for c in parse(Source("a", result), Report()).comments] == [
        c.text for c in comments
    ]
    assert laid_out(result) == result


@settings(max_examples=60, deadline=None)
@given(st.integers(min_value=0, max_value=10**9))
def test_any_file_keeps_its_meaning_and_settles(seed: int) -> None:
    record = Record()
    check_text("sentence", Sentences(random.Random(seed)).file(), record)
    assert record.failures == {}
