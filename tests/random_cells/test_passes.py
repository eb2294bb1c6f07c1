"""Random cells compute the same after every pass alone, and after the pipeline without any one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Source
from celldsl.ir.program import Program
from celldsl.ir.verify import verify
from celldsl.pass_flags import optimisations
from celldsl.pipeline import Artefacts, front
from celldsl.semantics.lower import Lowered
from celldsl.targets.reference import gradients
from celldsl.transforms.autodiff import differentiate
from celldsl.transforms.pipeline import BACKWARD, FIRST, FORWARD, run_passes
from celldsl.transforms.rematerialize import rematerialize
from tests.programs import draw_finals, draw_leaves, draw_masks, draw_outputs
from tests.random_cells.draw import draw_cell

Pair = tuple[Program, Program]
SIZES = (
    ({"I": 3, "H": 5, "N": 2}, 3, 2),
    ({"I": 1, "H": 1, "N": 1}, 1, 1),
    ({"I": 2, "H": 7, "N": 3}, 2, 1),
)
PASSES = {step.name: step for step in (*FIRST, *FORWARD, *BACKWARD)}
QUICK, SLOW = range(8), range(8, 200)
SEEDS = [*QUICK, *(pytest.param(seed, marks=pytest.mark.slow) for seed in SLOW)]

OPTIMISATIONS = optimisations()


def lowered(seed: int) -> Lowered:
    """A random cell; every third has masks."""
    source = Source("random.cell", draw_cell(seed, masks=seed % 3 == 0))
    return front(source, Report(), "Main", {})


def written(seed: int) -> Program:
    return lowered(seed).program


def results(
    pair: Pair, sizes: tuple[dict[str, int], int, int], cell: Program
) -> dict[str, np.ndarray]:
    """Outputs, final states and all gradients, on data that is drawn for `cell`."""
    dims, T, B = sizes
    starts = draw_finals(cell, dims, T, B)
    finals = {name: 0.5 - value for name, value in starts.items()}
    runs = gradients(
        *pair, draw_leaves(cell, dims, T, B), dims, T, B, draw_outputs(cell, dims, T, B),
        starts if T > 1 else None, finals, draw_masks(cell, dims, T, B),
    )  # fmt: skip
    return {
        f"{direction} {key}": value
        for direction, run in zip(("forward", "backward"), runs, strict=True)
        for values in (run.results, run.finals)
        for key, value in values.items()
    }


def changed_pairs(program: Program) -> Iterator[tuple[str, Pair]]:
    """What each pass makes of a cell, ahead of differentiation and after it."""
    pair = differentiate(program)
    yield "rematerialize alone", rematerialize(*pair)
    for step in {step.name: step for step in FIRST}.values():
        yield f"{step.name} first", differentiate(run_passes(program, [step]))
    for name, step in PASSES.items():
        yield f"{name} alone", (run_passes(pair[0], [step]), run_passes(pair[1], [step]))


def assert_same(seed: int, program: Program, pairs: Iterator[tuple[str, Pair]]) -> None:
    plain = differentiate(program)
    expected = [results(plain, sizes, program) for sizes in SIZES]
    for what, pair in pairs:
        for one in pair:
            verify(one)
        for sizes, right in zip(SIZES, expected, strict=True):
            found = results(pair, sizes, program)
            assert found.keys() == right.keys()
            for key, value in right.items():
                scale = max(1.0, float(np.max(np.abs(value), initial=0.0)))
                np.testing.assert_allclose(
                    found[key], value, rtol=1e-10, atol=1e-11 * scale,
                    err_msg=f"cell {seed}, {sizes}, {what}: {key}",
                )  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_each_pass_alone(seed: int) -> None:
    program = written(seed)
    assert_same(seed, program, changed_pairs(program))


@pytest.mark.parametrize("seed", SEEDS)
def test_all_passes_and_all_but_one(seed: int) -> None:
    cell = lowered(seed)
    left_out = [[], [*OPTIMISATIONS], *([name] for name in OPTIMISATIONS)]
    pairs = ((f"without {names}", Artefacts(cell, names).optimised) for names in left_out)
    assert_same(seed, cell.program, pairs)


def test_cells_are_drawn_the_same_every_time_and_are_not_alike() -> None:
    texts = [draw_cell(seed) for seed in range(50)]
    assert texts == [draw_cell(seed) for seed in range(50)]
    assert len(set(texts)) == 50


def test_random_cells_have_every_kind_of_operation() -> None:
    """What the language says reaches the passes: else the tests above would not say much."""
    found = {node.op for seed in range(60) for node in written(seed).nodes()}
    assert {"einsum", "slice", "concat", "mask", "where", "sum", "amax", "cumsum", "roll",
            "transpose", "reshape", "stop_gradient", "number", "size"} <= found  # fmt: skip


# Of each construct of the language, how a text shows that it has one.
WRITTEN = {
    "weights of one function": "flow(", "weights anew": "gate(", "weights of another": "= shared s",
    "cells in a loop": "    sub ", "any cell": "kind[", "a start": ", s=",
    "steps in a loop": "    v",
    "a slice above": "[k-1]", "a slice of a state": "'[k]", "a fold": "(for k in", "rows": "[3, ",
    "products of rows": " @ expand(", "names of axes": "einsum(", "numbers in order": "arange(1, ",
    "clipped": "clip_gradient(", "scaled": "scale_gradient(", "gradient": "grad(",
    "time": "gap0", "a rule": 'method="rk4"', "once a sequence": "per sequence",
    "integers": ": int[N]", "truths": ": bool", "a place": "one_hot(", "several": "* linear(",
    "complex inputs": "input u0: complex", "complex states": "state w0: complex",
    "length 1": "normalize(", "given anew": "v0 = 0.9", "choice by data": "where(k0 == 0",
}  # fmt: skip


def test_random_cells_have_every_construct() -> None:
    texts = "\n".join(draw_cell(seed, masks=seed % 2 == 0) for seed in range(200))
    assert [what for what, text in WRITTEN.items() if text not in texts] == []
