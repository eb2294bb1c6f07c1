"""Every gradient of the table against the complex step of its value, and the rules at kinks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from celldsl.ir.builder import Builder
from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Leaf, Program, Result, Rows, Type
from celldsl.ir.size import Shape
from celldsl.ir.verify import verify
from celldsl.targets.reference import evaluate
from tests.ir.ops.cases import CASES

STEP = 1e-30
# What clips gradients is no derivative of its value; see `AT_KINKS` and `test_clipped_gradients`.
DIFFERENTIATED = [
    n for n, entry in OPS.items() if entry.kind not in ("source", "rows") and n != "clip_gradient"
]
BOOLEAN = {"where": [True, False, False], "and": [True] * 2, "or": [True] * 2, "not": [True]}
INTEGER = {"pick": [False, True], "place": [False, True]}


def programs(op: str, shapes: list[Shape], attributes: dict[str, Any]) -> tuple[Program, Program]:
    """The value of an op, and the cotangents of its arguments given `d`."""
    boolean = BOOLEAN.get(op, [False] * len(shapes))
    integer = INTEGER.get(op, [False] * len(shapes))
    leaves = [
        Leaf("saved", f"a{i}", Type(shape, Rows.STEP, *kind))
        for i, (shape, *kind) in enumerate(zip(shapes, boolean, integer, strict=True))
    ]
    b = Builder(leaves)
    y = b.op(op, *(leaf.name for leaf in leaves), **attributes)
    value = _program(leaves, b, {"y": y})
    gradient = OPS[op].gradient
    assert gradient is not None
    d = Leaf("saved", "d", Type(b.types[y].shape, Rows.STEP))
    b.types["d"] = d.type
    found = gradient(b, b.nodes[0], "d")
    assert len(found) == len(shapes)
    named = {f"a{i}": name for i, name in enumerate(found) if name is not None}
    for name, cotangent in named.items():
        assert b.types[cotangent] == b.types[name], f"the cotangent of {name} has another type"
    return value, _program([*leaves, d], b, named)


def _program(leaves: list[Leaf], b: Builder, values: dict[str, str]) -> Program:
    results = tuple(
        Result("output", name, value)
        for name, value in values.items()
        if not b.types[value].boolean
    )
    program = Program("Op", ("N", "M"), tuple(leaves), tuple(b.nodes), (), (), (), results)
    verify(program)
    return program


def draw(program: Program, dims: dict[str, int], interval: tuple[float, float]) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    drawn = {}
    for leaf in program.leaves:
        shape = (2, 1, *(size.evaluate(dims) for size in leaf.type.shape))
        value = rng.uniform(*interval, size=shape)
        if leaf.type.integer:
            value = rng.integers(0, dims["N"], size=shape)
        drawn[leaf.name] = value > 0 if leaf.type.boolean else value
    return drawn


def check(op: str, shapes: list[Shape], attributes: dict[str, Any], dims: dict[str, int],
          leaves: dict[str, Any] | None = None) -> dict[str, Any]:  # fmt: skip
    """Compare all cotangents; return them."""
    value, backward = programs(op, shapes, attributes)
    leaves = leaves or draw(backward, dims, OPS[op].domain)
    run = evaluate(backward, leaves, dims, 2, 1)
    found = {leaf: run.results.get(("output", leaf)) for leaf in leaves if leaf != "d"}
    arguments = {leaf: v for leaf, v in leaves.items() if leaf != "d"}
    for name, argument in arguments.items():
        if (
            argument.dtype.kind in "bi"
            or ("output", "y") not in evaluate(value, arguments, dims, 2, 1).results
        ):
            assert found[name] is None
            continue
        expected = np.empty(argument.shape)
        for index in np.ndindex(argument.shape):
            moved = argument.astype(complex)
            moved[index] += STEP * 1j
            y = evaluate(value, {**arguments, name: moved}, dims, 2, 1).results["output", "y"]
            expected[index] = (leaves["d"] * y).sum().imag / STEP
        got = np.zeros(argument.shape) if found[name] is None else found[name]
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12, err_msg=f"{op}, {name}")
    return found


@pytest.mark.parametrize("sizes", [(1, 1), (2, 7), (7, 2), (1, 7)])
@pytest.mark.parametrize("op", DIFFERENTIATED)
def test_gradient(op: str, sizes: tuple[int, int]) -> None:
    for shapes, attributes in CASES[op]:
        check(op, shapes, attributes, dict(zip("NM", sizes, strict=True)))


AT_KINKS: list[tuple[str, list[float], list[float | None]]] = [
    ("relu", [0.0], [0.0]),
    ("abs", [0.0], [0.0]),
    ("abs", [-2.0], [-1.0]),
    ("max", [1.5, 1.5], [0.5, 0.5]),
    ("min", [1.5, 1.5], [0.5, 0.5]),
    ("min", [1.0, 1.5], [1.0, 0.0]),
    ("clip", [1.0, 1.0, 2.0], [1.0, 0.0, 0.0]),
    ("clip", [2.0, 1.0, 2.0], [1.0, 0.0, 0.0]),
    ("clip", [2.5, 1.0, 2.0], [0.0, 0.0, 1.0]),
    ("clip", [0.5, 1.0, 2.0], [0.0, 1.0, 0.0]),
    ("step", [0.0], [None]),
    ("sign", [0.0], [None]),
    ("floor", [1.0], [None]),
    ("round", [0.5], [None]),
    ("stop_gradient", [1.0], [None]),
    ("surrogate", [1.0, 2.0], [None, 1.0]),
    ("scale_gradient", [1.0, 0.25], [0.25, None]),
    ("clip_gradient", [1.0, -9.0, 9.0], [1.0, None, None]),
    ("bfloat16", [1.2345], [1.0]),
    ("mod", [7.5, 2.0], [1.0, -3.0]),
    ("mod", [-7.5, 2.0], [1.0, 4.0]),
    ("hypot", [0.0, 0.0], [0.0, 0.0]),
    ("hypot", [3.0, -4.0], [0.6, -0.8]),
    ("copysign", [-2.0, 3.0], [-1.0, None]),
    ("copysign", [2.0, -0.0], [-1.0, None]),
    ("pow", [-2.0, 3.0], [12.0, 0.0]),
    ("pow", [-2.0, 2.0], [-4.0, 0.0]),
    ("pow", [0.0, 1.0], [1.0, 0.0]),
    ("pow", [0.0, 2.0], [0.0, 0.0]),
    ("pow", [0.0, 0.0], [0.0, 0.0]),
    ("pow", [-3.0, 0.0], [0.0, 0.0]),
]


@pytest.mark.parametrize(("op", "args", "expected"), AT_KINKS)
def test_rules_at_kinks(op: str, args: list[float], expected: list[float | None]) -> None:
    leaves = {f"a{i}": np.full((2, 1), arg) for i, arg in enumerate(args)}
    found = check(op, [()] * len(args), {}, {"N": 1, "M": 1}, {**leaves, "d": np.ones((2, 1))})
    for got, want in zip(found.values(), expected, strict=True):
        assert (got is None) == (want is None)
        if want is not None:
            np.testing.assert_allclose(got, want)


def test_clipped_gradients() -> None:
    _, backward = programs("clip_gradient", [()] * 3, {})
    d = np.array([-3.0, -0.5, 0.2, 4.0])[:, None]
    leaves = {"a0": d * 0, "a1": d * 0 - 0.5, "a2": d * 0 + 2.0, "d": d}
    run = evaluate(backward, leaves, {}, 4, 1)
    assert [*run.results["output", "a0"][:, 0]] == [-0.5, -0.5, 0.2, 2.0]


def test_the_table_knows_where_differences_go_wrong() -> None:
    at_kinks = {op for op, _, _ in AT_KINKS} | {"amax", "amin"}
    special = {name: entry.slope for name, entry in OPS.items() if entry.slope != "smooth"}
    assert special.keys() <= at_kinks
    assert {name for name, slope in special.items() if slope == "custom"} == {
        "stop_gradient", "surrogate", "clip_gradient", "scale_gradient", "bfloat16",
    }  # fmt: skip
    # Those that are left are flat or have the slope of one side on both.
    assert at_kinks - special.keys() == {
        "step",
        "sign",
        "floor",
        "round",
        "mod",
        "pow",
        "hypot",
    }


ALONG: list[tuple[str, list[float], list[float]]] = [
    ("amax", [3.0, 1.0, 3.0], [0.5, 0.0, 0.5]),
    ("amin", [3.0, 3.0, 3.0], [1 / 3, 1 / 3, 1 / 3]),
    ("cumprod", [2.0, 0.0, 3.0], [1.0, 2.0 + 6.0, 0.0]),
    ("cumprod", [0.0, 0.0, 3.0], [1.0, 0.0, 0.0]),
    ("cumprod", [0.0, 2.0, 3.0], [1.0 + 2.0 + 6.0, 0.0, 0.0]),
]


@pytest.mark.parametrize(("op", "args", "expected"), ALONG)
def test_rules_along_an_axis(op: str, args: list[float], expected: list[float]) -> None:
    (shape,) = CASES["concat"][0][0][:1]
    d = np.ones((2, 1) if op != "cumprod" else (2, 1, 3))
    leaves = {"a0": np.tile(args, (2, 1, 1)), "d": d}
    found = check(op, [shape], {"axis": 0}, {"N": 3, "M": 1}, leaves)
    np.testing.assert_allclose(found["a0"], np.tile(expected, (2, 1, 1)))
