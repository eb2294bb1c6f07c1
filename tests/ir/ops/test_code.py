"""`code` of elementwise operations against `value`, element by element."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from celldsl.ir.builder import Builder
from celldsl.ir.ops.spelling import scalar_value
from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Leaf, Program, Result, Rows, Type
from celldsl.targets.reference import evaluate
from tests.ir.ops.test_gradients import BOOLEAN

ELEMENTWISE = [name for name, entry in OPS.items() if entry.kind == "elementwise"]
EDGES = [0.0, -0.0, 0.5, 1.0, 1.5, -1.0, 2.5, -2.5, 30.0, -700.0]


def by_value(op: str, columns: list[np.ndarray]) -> np.ndarray:
    """What the NumPy template says, for rows of arguments."""
    leaves = [
        Leaf("saved", f"a{i}", Type((), Rows.STEP, column.dtype == bool))
        for i, column in enumerate(columns)
    ]
    b = Builder(leaves)
    y = b.op(op, *(leaf.name for leaf in leaves))
    if b.types[y].boolean:
        y = b.op("where", y, 1.0, 0.0)
    program = Program(
        "Op", (), tuple(leaves), tuple(b.nodes), (), (), (), (Result("output", "y", y),)
    )
    arrays = {leaf.name: c[:, None] for leaf, c in zip(leaves, columns, strict=True)}
    run = evaluate(program, arrays, {}, len(columns[0]), 1)
    return run.results["output", "y"][:, 0]


@pytest.mark.parametrize("op", ELEMENTWISE)
def test_code_agrees_with_value(op: str) -> None:
    entry = OPS[op]
    boolean = BOOLEAN.get(op, [False] * (entry.arity or 0))
    low, high = entry.domain
    points = [*np.linspace(low, high, 7), *(e for e in EDGES if low <= e <= high or low == -3.0)]
    rows = list(itertools.product(*([False, True] if b else points for b in boolean)))
    columns = [
        np.array(column, dtype=bool if b else float)
        for column, b in zip(zip(*rows, strict=True), boolean, strict=True)
    ]
    expected = by_value(op, columns)
    for row, want in zip(rows, expected, strict=True):
        assert scalar_value(op, row) == pytest.approx(want, rel=1e-14, abs=1e-300), row


@pytest.mark.parametrize("op", ["max", "min", "add", "relu", "abs", "sign", "clip", "square"])
def test_nan_stays(op: str) -> None:
    arity = OPS[op].arity or 0
    for place in range(1 if op == "clip" else arity):
        args = [1.0] * arity
        args[place] = math.nan
        value = by_value(op, [np.array([a]) for a in args])
        assert math.isnan(value[0]), f"{op} loses a nan in value"
        assert math.isnan(scalar_value(op, args)), f"{op} loses a nan in code"


def test_python_refuses_what_has_no_value() -> None:
    with pytest.raises(ValueError, match=r"domain|positive"):
        scalar_value("log", [0.0])
    with pytest.raises(OverflowError):
        scalar_value("exp", [1e6])
