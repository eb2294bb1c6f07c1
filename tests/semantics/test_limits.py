"""Hostile and large sources: told in time, and never a traceback."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from types import FrameType
from typing import Any

import pytest

from celldsl.pipeline import check_source
from tests.semantics.lowering import codes


@contextmanager
def counting() -> Iterator[list[int]]:
    """Calls of functions: what a clock would say, without the noise of other work."""
    calls = [0]

    def seen(_frame: FrameType, event: str, _of: Any) -> None:
        calls[0] += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        yield calls
    finally:
        sys.setprofile(before)


MANY = 10_000_000


def chain(count: int) -> str:
    lines = [f"    a{i} = tanh(a{i - 1} * h + {i})" for i in range(1, count)]
    head = "cell A[H]:\n    input x: [H]\n    state h: [H]\n    a0 = x\n"
    return head + "\n".join(lines) + f"\n    h' = a{count - 1}\n    output h'\n"


def in_cell(*lines: str) -> str:
    body = "".join(f"    {line}\n" for line in lines)
    return f"cell A[H, K]:\n    input x: [H]\n{body}    y = x\n    output y\n"


LARGE = {
    "loop": in_cell("for k in 0..1000000000:", "    a = x"),
    "empty loop": in_cell("for k in 0..1000000000:", "    if k < 0:", "        a = x"),
    "undecided loop": in_cell("for k in 0..1000000000:", "    if H < 7:", "        a = x"),
    "loops": in_cell(*("    " * i + f"for k{i} in 0..100:" for i in range(9)),
                     "    " * 9 + "a = x"),
    "powers": in_cell("a = " + "(" * 20 + "10" + "**16)" * 20 + " * x"),
    "power of a sum": in_cell("a = linear(x, (H + K + 1) ** 16)"),
    "axes": in_cell("a = zeros([1, 1, 1, 1, 1, 1, 1, 1])"),
    "expand": in_cell("a = expand(expand(expand(expand(expand(expand(x, 0), 0), 0), 0), 0), 0)"),
    "parts": in_cell("a = split(x, 1000000000)"),
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_large_numbers(name: str) -> None:
    with counting() as calls:
        assert any(code.startswith("E") or code == "W0501" for code in codes(LARGE[name]))
    assert calls[0] < MANY


def test_functions_that_double() -> None:
    functions = ["def f0(v) = v + 1"]
    functions += [f"def f{i}(v) = f{i - 1}(v) + f{i - 1}(v)" for i in range(1, 30)]
    text = "\n".join(functions) + "\n" + in_cell("a = f29(x)")
    assert "E0303" in codes(text)


def test_deep_functions() -> None:
    functions = ["def f0(v) = v + 1"]
    functions += [f"def f{i}(v) = tanh(f{i - 1}(v))" for i in range(1, 500)]
    assert "E0303" in codes("\n".join(functions) + "\n" + in_cell("a = f499(x)"))


def test_many_requirements() -> None:
    dims = [f"D{i}" for i in range(60)]
    lines = [f'    require {a} <= {b}, "order"\n' for a, b in pairwise(dims)]
    text = f"cell A[{', '.join(dims)}]:\n" + "".join(lines)
    text += "    input x: [D59]\n    y = x[:D57]\n    z = x[:D0]\n    output y, z\n"
    with counting() as calls:
        assert codes(text) in ([], ["E0208"], ["E0208", "E0208"])
    assert calls[0] < MANY


def test_many_branches() -> None:
    names = [f"b{i}" for i in range(20)]
    lines = [f"    if {n}:\n        a{n} = x\n    else:\n        a{n} = foo\n" for n in names]
    header = ", ".join(f"{n} = true" for n in names)
    text = f"cell A[H]({header}):\n    input x: [H]\n{''.join(lines)}    output x\n"
    assert codes(text).count("E0101") == 20


def test_time_is_linear_in_equations() -> None:
    check_source(chain(2))
    found = []
    for count in (250, 1000):
        with counting() as calls:
            assert check_source(chain(count)).diagnostics == []
        found.append(calls[0])
    assert found[1] < 4.4 * found[0]


def test_checking_loads_neither_numpy_nor_numba() -> None:
    code = (
        "import sys; from celldsl.semantics.check import check; from celldsl.syntax.parse import "
        "parse; print(sorted({'numpy', 'numba'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
