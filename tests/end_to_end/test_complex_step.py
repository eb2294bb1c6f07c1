"""Derivatives of the programs are right: against a step into the complex plane, by the reference.

Values that are stopped have no imaginary part, and surrogates that of their path, so every cell
can be checked so.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from celldsl.targets.reference import Run
from tests.end_to_end.subject import FEATURES, Arrays, Subject, subject_of

CELLS = sorted(FEATURES.glob("*.cell"))
STEP = 1e-200
UNCLIPPED = 2.0**-60
T, B = 3, 2


def loss(run: Run, dy: Arrays, dstate: Arrays) -> complex:
    outputs = sum((run.results["output", n] * d).sum() for n, d in dy.items())
    return complex(outputs + sum((run.finals[n] * d).sum() for n, d in dstate.items()))


def drawn_leaves(subject: Subject, dims: dict[str, int]) -> Arrays:
    rng = np.random.default_rng(5)
    kinds = {p.name: p.shape for p in (*subject.spec.params, *subject.spec.consts)}
    drawn = {n: rng.normal(size=subject.shape(s, dims)) for n, s in kinds.items()}
    return {**subject.hypers(), **drawn, **subject.draw_inputs(dims, T, B)}


@pytest.mark.parametrize("path", CELLS, ids=lambda path: path.stem)
@pytest.mark.parametrize("given", [True, False], ids=["given", "own"])
def test_gradients_agree_with_a_complex_step(path: Path, given: bool) -> None:
    gradients_agree(subject_of(path), given)


def gradients_agree(subject: Subject, given: bool) -> None:
    """Of outputs and final states, in a random direction of each array."""
    dims = subject.dims(subject.sizes[0])
    leaves = drawn_leaves(subject, dims)
    starts = subject.draw_states(dims, B) if given else {}
    dy, dstate = subject.draw_outputs(dims, T, B), subject.draw_states(dims, B, seed=4)
    # Small enough that nothing is clipped: what clips gradients is no derivative of its value.
    small = UNCLIPPED if any(n.op == "clip_gradient" for n in subject.program.nodes()) else 1.0
    dy, dstate = ({n: small * d for n, d in each.items()} for each in (dy, dstate))
    _, back = subject.gradients(leaves, dims, T, B, dy, starts or None, dstate)
    rng = np.random.default_rng(6)
    for (kind, name), gradient in [*back.results.items()] + [
        (("start", n), back.finals[n]) for n in starts
    ]:
        known = starts if kind == "start" else leaves
        way = rng.normal(size=np.shape(known[name]))
        moved = {**known, name: known[name] + 1j * STEP * way}
        run = subject.evaluate(
            leaves if kind == "start" else moved,
            dims, T, B,
            (moved if kind == "start" else starts) or None,
        )  # fmt: skip
        wanted = loss(run, dy, dstate).imag / STEP
        scale = small + abs(wanted)
        assert abs((gradient * way).sum() - wanted) < 1e-10 * scale, f"{kind} {name}"
