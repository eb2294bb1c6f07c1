"""Gradients inside a program, and those of gradients, for every operation: against a complex step.

Each operation stands in a loss whose gradients are taken as `grad` does it; what is differentiated
then is the size of these gradients.  A rule whose nodes had no rules, or wrong ones, fails here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from celldsl.ir.builder import Builder
from celldsl.ir.gradients import between, gradients
from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Leaf, Rows, Type
from celldsl.ir.size import Shape
from celldsl.targets.reference import evaluate
from tests.ir.ops.cases import CASES
from tests.ir.ops.test_gradients import AT_KINKS, BOOLEAN, INTEGER, STEP, _program, draw

ROWS = (2, 1)
# What clips gradients is no derivative of its value: see `test_clipped_gradients`.
DIFFERENTIATED = [
    n for n, entry in OPS.items() if entry.kind not in ("source", "rows") and n != "clip_gradient"
]


def losses(
    op: str, shapes: list[Shape], attributes: dict[str, Any]
) -> tuple[list[Leaf], Builder, list[str], dict[str, str]]:
    """Leaves, and by name: the loss, its gradients `g:…`, and the gradients `h:…` of their size."""
    boolean = BOOLEAN.get(op, [False] * len(shapes))
    integer = INTEGER.get(op, [False] * len(shapes))
    kinds = zip(shapes, boolean, integer, strict=True)
    leaves = [Leaf("saved", f"a{i}", Type(s, Rows.STEP, *k)) for i, (s, *k) in enumerate(kinds)]
    real = [leaf for leaf in leaves if not (leaf.type.boolean or leaf.type.integer)]
    b = Builder(leaves)
    y = b.op(op, *(leaf.name for leaf in leaves), **attributes)
    if b.types[y].boolean:
        return leaves, b, [], {}
    weight = Leaf("saved", "w", Type(b.types[y].shape, Rows.STEP))
    leaves.append(weight)
    b.types["w"] = weight.type
    # The square: else an op that is linear would have no second gradient.
    names = [leaf.name for leaf in real]
    loss = _total(b, b.op("mul", "w", b.op("square", y)))
    first = gradients(b, loss, names)
    found = {f"g:{n}": g for n, g in zip(names, first, strict=True) if g is not None}
    if not found:
        return leaves, b, names, {}
    size = b.number(0.0)
    for gradient in found.values():
        size = b.op("add", size, _total(b, b.op("sin", gradient)))
    second = gradients(b, size, names)
    found |= {f"h:{n}": g for n, g in zip(names, second, strict=True) if g is not None}
    return leaves, b, names, {"loss": loss, "size": size, **found}


def _total(b: Builder, value: str) -> str:
    while b.types[value].shape:
        value = b.op("sum", value, axis=0)
    return value


def by_complex_step(run: Any, leaves: dict[str, Any], name: str, of: str) -> Any:
    """The slope of `of`, which has one number a row, with respect to a leaf."""
    expected = np.zeros(leaves[name].shape)
    for index in np.ndindex(expected.shape):
        moved = leaves[name].astype(complex)
        moved[index] += STEP * 1j
        expected[index] = np.sum(run({**leaves, name: moved})["output", of]).imag / STEP
    return expected


def check(op: str, shapes: list[Shape], attributes: dict[str, Any], dims: dict[str, int]) -> None:
    leaves, b, names, values = losses(op, shapes, attributes)
    if not values:
        assert OPS[op].flat or OPS[op].slope == "custom" or not names
        return
    program = _program(leaves, b, values)
    drawn = draw(program, dims, OPS[op].domain)

    def run(given: dict[str, Any]) -> Any:
        return evaluate(program, given, dims, *ROWS).results

    found = run(drawn)
    for name in names:
        for kind, of in (("g", "loss"), ("h", "size")):
            got = found.get(("output", f"{kind}:{name}"), np.zeros(drawn[name].shape))
            assert np.isfinite(got).all()
            wanted = by_complex_step(run, drawn, name, of)
            message = f"{kind} of {op}, {name}"
            np.testing.assert_allclose(np.broadcast_to(got, wanted.shape), wanted, rtol=1e-11,
                                       atol=1e-11, err_msg=message)  # fmt: skip


@pytest.mark.parametrize("sizes", [(1, 1), (2, 3), (3, 2)])
@pytest.mark.parametrize("op", DIFFERENTIATED)
def test_second_gradient(op: str, sizes: tuple[int, int]) -> None:
    for shapes, attributes in CASES[op]:
        check(op, shapes, attributes, dict(zip("NM", sizes, strict=True)))


def test_clipped_gradients() -> None:
    """The clip acts on the first gradient, and on what comes back to its value by the second."""
    leaves, b, _, values = losses("clip_gradient", [()] * 3, {})
    x, w = np.array([-1.0, 0.3, 0.1, 2.0])[:, None], np.array([1.0, 0.5, -1.0, 3.0])[:, None]
    given = {"a0": x, "a1": x * 0 - 0.5, "a2": x * 0 + 1.5, "w": w}
    found = evaluate(_program(leaves, b, values), given, {}, 4, 1).results
    slope = 2 * w * x
    first = np.clip(slope, -0.5, 1.5)
    through = np.where(slope == first, np.cos(first) * 2 * w, 0.0)
    np.testing.assert_allclose(found["output", "g:a0"], first)
    np.testing.assert_allclose(found["output", "h:a0"], np.clip(through, -0.5, 1.5))


@pytest.mark.parametrize(("op", "args"), [(op, args) for op, args, _ in AT_KINKS])
def test_gradients_of_gradients_exist_at_kinks(op: str, args: list[float]) -> None:
    """No rule chooses by `where` between what is infinite and something else."""
    leaves, b, _, values = losses(op, [()] * len(args), {})
    given = {f"a{i}": np.full((2, 1), arg) for i, arg in enumerate(args)} | {"w": np.ones((2, 1))}
    if values:
        for value in evaluate(_program(leaves, b, values), given, {}, *ROWS).results.values():
            assert np.isfinite(value).all()


def test_only_what_lies_between_is_built() -> None:
    """The gradient of b in a * sin(b) + exp(a) needs neither that of a nor of the exponential."""
    b = Builder([Leaf("saved", name, Type((), Rows.STEP)) for name in "ab"])
    product = b.op("mul", "a", b.op("sin", "b"))
    loss = b.op("add", product, b.op("exp", "a"))
    assert [node.op for node in between(b, loss, ["b"])] == ["sin", "mul", "add"]
    begin = len(b.nodes)
    (found,) = gradients(b, loss, ["b"])
    made = b.nodes[begin:]
    assert found == made[-1].name
    read = {arg for node in made for arg in node.args} | {found}
    assert {node.name for node in made} <= read
    assert gradients(b, product, [b.op("exp", "a")]) == [None]
