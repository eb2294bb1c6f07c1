"""Routines as machine code do what they do in Python, and what is for no routine is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba.core.errors import NumbaError

from celldsl.jit.compile import compile_phases
from celldsl.jit.functions import Routine, noinline, routine
from celldsl.jit.kernels import kernel
from celldsl.jit.lowering.values import RoutineError
from celldsl.jit.target import MachineCodeError
from tests.runtime.made import run_phases

GLOBAL = 7
MASK = np.uint64(0xFF51AFD7ED558CCD)


@routine
def divisions(part, parts, share, shares, rows, dims, hyper, out):
    for i in range(-7, 8):
        at = 4 * (i + 7)
        rows[at] = i // 3
        rows[at + 1] = i % 3
        rows[at + 2] = i // dims[1]
        rows[at + 3] = i % dims[1]


@routine
def by_nothing(part, parts, share, shares, rows, dims, hyper, out):
    """Python raises here; compiled code gives 0, as Numba's does."""
    rows[0] = 5 // dims[2] + 5 % dims[2]


@routine
def ranges(part, parts, share, shares, rows, dims, hyper, out):
    total = 0
    for i in range(dims[0]):
        total += i * i
    for i in range(dims[0], -3, dims[1]):
        total = 3 * total + i
    for i in range(2, 20, 5):
        for k in range(i, 0, -2):
            total += k
            i = 0
    for i in range(5, 5):
        total = -i
    rows[0] = total


@routine
def collatz(part, parts, share, shares, rows, dims, hyper, out):
    count, n = 0, dims[0]
    while n != 1 and count < 1000:
        even = n % 2 == 0
        if even:
            n = n // 2
        if not even:
            n = 3 * n + 1
        count += 1
    rows[0] = count


@routine
def larger(a, b):
    if a > b:
        return a
    return b


@noinline
def put(target, at, value):
    target[at] = value


@routine
def calls(part, parts, share, shares, rows, dims, hyper, out):
    rows[0] = larger(dims[0], 3) + larger(-dims[0], 3) * GLOBAL
    put(rows, 1, min(dims[0], 4, part - 1))
    put(rows, 2, max(dims[0], 4))
    put(out, 0, hyper[0])
    put(out, 1, 3)


@routine
def conditions(part, parts, share, shares, rows, dims, hyper, out):
    for i in range(6):
        inside = i >= 1 and i < dims[0] - 7
        edge = i == 0 or not inside or dims[i] > 2
        rows[i] = 1 if inside else (2 if edge else -1)
        out[i] = hyper[i - 1] if i >= 1 and hyper[i - 1] > 0.0 else (1 if dims[3] else 0.5)
        if inside:
            where = 2 * i
            rows[30] += 1
        else:
            where = i
        rows[10 + i] = where


@routine
def reals(part, parts, share, shares, rows, dims, hyper, out):
    for i in range(4):
        x = hyper[i]
        out[8 * i] = -x * 2 + 1 - x / 3
        out[8 * i + 1] = x % 1.5
        out[8 * i + 2] = x % -1.5
        out[8 * i + 3] = dims[0] / 4 + i
        out[8 * i + 4] = (x * x) ** 1.25
        out[8 * i + 5] = np.inf if x != x else -np.inf
        out[8 * i + 6] = np.float64(np.int64(x * 100.0))
        out[8 * i + 7] += x


@routine
def hashes(part, parts, share, shares, rows, dims, hyper, out):
    for i in range(8):
        key = (np.uint64(dims[i]) ^ MASK) + np.uint64(GLOBAL)
        key = (key ^ (key >> np.uint64(30))) * MASK
        rows[i] = np.int64(key >> np.uint64(11))


@routine
def several(part, parts, share, shares, rows, dims, hyper, out):
    a, b = dims[0], dims[1]
    a, b = b, a
    rows[a + 9], rows[1] = b, a
    rows[2] |= 6 & 3
    rows[2] <<= 2
    accumulate = part
    part = 5
    rows[3] = accumulate + part


def arrays() -> list[Any]:
    rows = np.arange(64, dtype=np.int64)
    dims = np.array([11, -4, 0, 1, 8, 3, 5, 2], np.int64)
    hyper = np.array([2.25, -0.75, 1e3, np.nan, 0.5, -3.0])
    return [rows, dims, hyper, np.ones(64)]


def compiled(function: Routine, given: list[Any]) -> None:
    run_phases([function], given[1:], "float64", rows=given[0])


COMPARED = [divisions, ranges, collatz, calls, conditions, reals, hashes, several]


@pytest.mark.parametrize("function", COMPARED, ids=lambda f: f.name)
def test_routines_compute_what_python_computes(function: Routine) -> None:
    expected, found = arrays(), arrays()
    with np.errstate(all="ignore"):
        if function is reals:
            expected[2][3] = found[2][3] = 7.125  # the others are told of NaN
        function(0, 1, 0, 1, *expected)
    compiled(function, found)
    for right, seen in zip(expected, found, strict=True):
        np.testing.assert_allclose(seen, right, rtol=1e-15, equal_nan=True)


def test_nothing_is_divided_by_0() -> None:
    found = arrays()
    compiled(by_nothing, found)
    assert found[0][0] == 0


@routine
def not_a_number(part, parts, share, shares, rows, dims, hyper, out):
    x = hyper[3]
    rows[0] = 1 if x < 1.0 or x > 1.0 or x == x else 0
    rows[1] = 1 if x != x else 0


def test_nan_differs_from_all() -> None:
    found = arrays()
    compiled(not_a_number, found)
    assert found[0][:2].tolist() == [0, 1]


@routine
def known_in_the_loop(part, parts, share, shares, rows, dims, hyper, out):
    for i in range(3):
        last = i
    rows[0] = last


@routine
def changes_its_type(part, parts, share, shares, rows, dims, hyper, out):
    x = 1
    x = 0.5
    out[0] = x


@routine
def a_list(part, parts, share, shares, rows, dims, hyper, out):
    for i in [1, 2]:
        rows[0] = i


@routine
def unknown_call(part, parts, share, shares, rows, dims, hyper, out):
    rows[0] = len(rows)


@routine
def by_name(part, parts, share, shares, rows, dims, hyper, out):
    rows[0] = larger(a=1, b=2)


@routine
def no_value(part, parts, share, shares, rows, dims, hyper, out):
    rows[0] = put(rows, 1, 2)


@routine
def mixed_signs(part, parts, share, shares, rows, dims, hyper, out):
    rows[0] = np.int64(np.uint64(rows[0]) + rows[1])


@routine
def number_with_an_index(part, parts, share, shares, rows, dims, hyper, out):
    rows[0] = part[0]


REFUSED = {
    known_in_the_loop: "`last` is not known here",
    changes_its_type: "`x` is int64, and then float64",
    a_list: "is for no routine",
    unknown_call: "cannot be called in a routine",
    by_name: "has arguments by name",
    no_value: "has no value in a routine",
    mixed_signs: "uint64 and int64 do not meet",
    number_with_an_index: "`part` is no lane",
}


@pytest.mark.parametrize("function", REFUSED, ids=lambda f: f.name)
def test_what_is_for_no_routine_is_refused_by_name(function: Routine) -> None:
    with pytest.raises(RoutineError, match=f"{function.name}: .*{REFUSED[function]}"):
        compile_phases([function], "float64")


def test_the_text_that_was_imported_is_needed(tmp_path: Path) -> None:
    place: dict[str, Callable[..., Any]] = {"routine": routine}
    code = (
        "@routine\ndef lost(part, parts, share, shares, rows, dims, hyper, out):\n    rows[0] = 1\n"
    )
    exec(compile(code, str(tmp_path / "lost.py"), "exec"), place)
    with pytest.raises(MachineCodeError, match=r"lost is compiled from its text.*bytecode alone"):
        compile_phases([place["lost"]], "float64")


@routine
def total_of(values, count):
    total = 0.0
    for i in range(count):
        total += values[i]
    return total


@kernel
def twice_the_total(values):
    return total_of(values, values.size) + total_of(values, values.size)


def test_kernels_call_routines() -> None:
    assert twice_the_total(np.arange(5.0)) == 20.0
    assert twice_the_total(np.arange(5, dtype=np.float32)) == 20.0
    with pytest.raises((RoutineError, NumbaError), match="no contiguous array of one axis"):
        twice_the_total(np.arange(5.0)[::2])
