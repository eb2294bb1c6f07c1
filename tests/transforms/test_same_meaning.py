"""After every pass a program computes what it did before, on odd sizes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from celldsl.ir.program import Program, Rows
from celldsl.ir.text import parse_program, print_program
from celldsl.ir.verify import verify
from celldsl.targets.reference import Run, gradients
from celldsl.transforms.autodiff import differentiate
from celldsl.transforms.pipeline import BACKWARD, FIRST, FORWARD, LAST, Step, each_pass, run_passes
from celldsl.transforms.rematerialize import rematerialize
from tests.programs import (
    CELLS,
    SIZES,
    Cell,
    H,
    draw_finals,
    draw_leaves,
    draw_masks,
    draw_outputs,
    vm,
)

TIMES = ((1, 2), (3, 1), (2, 3))
DIMS_TIMES = [({"I": i, "H": h}, T, B) for (i, h), (T, B) in zip(SIZES, TIMES, strict=True)]


def run(pair: tuple[Program, Program], dims: dict[str, int], T: int, B: int) -> tuple[Run, Run]:
    p = pair[0]
    masks = draw_masks(p, dims, T, B)
    return gradients(
        *pair, draw_leaves(p, dims, T, B), dims, T, B, draw_outputs(p, dims, T, B), None,
        draw_finals(p, dims, T, B), masks,
    )  # fmt: skip


def assert_same(pairs: Sequence[tuple[Program, Program]], what: str) -> None:
    for dims, T, B in DIMS_TIMES:
        (first, second), (third, fourth) = (run(pair, dims, T, B) for pair in pairs)
        for old, new in ((first, third), (second, fourth)):
            for one, other in ((old.results, new.results), (old.finals, new.finals)):
                assert one.keys() == other.keys()
                for key in one:
                    np.testing.assert_allclose(
                        other[key], one[key], rtol=1e-11, atol=1e-11, err_msg=f"{what}: {key}"
                    )


@pytest.mark.parametrize("name", CELLS)
def test_passes_before_differentiation(name: str) -> None:
    plain = CELLS[name]()
    pair = differentiate(plain)
    for step, program in each_pass(plain, FIRST):
        assert_same([pair, differentiate(program)], step)


@pytest.mark.parametrize("name", CELLS)
def test_passes_after_differentiation(name: str) -> None:
    pair = differentiate(run_passes(CELLS[name](), FIRST))
    for step, forward in each_pass(pair[0], FORWARD):
        assert_same([pair, (forward, pair[1])], f"forward {step}")
    for step, backward in each_pass(pair[1], BACKWARD):
        assert_same([pair, (pair[0], backward)], f"backward {step}")


@pytest.mark.parametrize("name", CELLS)
def test_each_pass_alone_on_the_plain_pair(name: str) -> None:
    """A pass may not rely on those before it for being right."""
    pair = differentiate(CELLS[name]())
    for step in {s.change: s for s in (*FIRST, *FORWARD, *BACKWARD)}.values():
        changed = tuple(run_passes(p, [step]) for p in pair)
        assert_same([pair, (changed[0], changed[1])], step.change.__name__)


@pytest.mark.parametrize("name", CELLS)
def test_the_end_is_placed_and_stable(name: str) -> None:
    pair = rematerialize(*differentiate(run_passes(CELLS[name](), FIRST)))
    for program, passes in zip(pair, (FORWARD, BACKWARD), strict=True):
        done = run_passes(program, LAST)
        assert run_passes(done, LAST) == done
        done = run_passes(program, passes)
        verify(done, placed=True)
        assert all(node.type.rows != Rows.ONCE for node in done.step)
        assert parse_program(print_program(done)) == done


def test_the_pipeline_verifies() -> None:
    def forget(p: Program) -> Program:
        return p.with_regions((), (), ())

    with pytest.raises(ValueError, match="which the step does not know"):
        run_passes(CELLS["plain_rnn"](), [Step(forget, "it breaks the program")])


def test_every_pass_says_why_it_stands_where_it_does() -> None:
    assert all(len(step.why_here.split()) > 3 for step in (*FIRST, *FORWARD, *BACKWARD))


def test_long_sums_are_no_deep_recursion() -> None:
    """A loop that was unrolled 1100 times adds up one weight's gradients."""
    c = Cell(input_x=(H,), state_h=(H,), param_w=(H, H))
    total = c["h"]
    for k in range(1100):
        total = total + vm(c["x"] * float(k), c["w"])
    backward = differentiate(run_passes(c.program({"y": total}, {"h": total}), FIRST))[1]
    done = run_passes(backward, BACKWARD)
    assert "rowsum" not in {node.op for node in done.nodes()}
