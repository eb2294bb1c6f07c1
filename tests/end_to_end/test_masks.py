"""Masks in compiled kernels, forward and backward, against the reference with the same masks.

The cell gives its masks out, so that the reference can be told them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from celldsl.targets.reference import gradients
from tests.end_to_end.compare import distance, pick
from tests.end_to_end.subject import subject_of

TEXT = '''
cell Main[I, H](keep = 0.6):
    """A mask of each lifetime; rates are numbers, or computed from hyperparameters."""
    input x: [I]
    state h: [H]
    param U: [H, H]
    param p: [H, H]

    a = dropout(ones([H]), 1 - keep)
    b = dropout(ones([H]), 0.3, per=sequence)
    c = dropout(exp(0 * p), keep / 2, per=sequence)
    z = zoneout(zeros([H]), ones([H]), 0.4)
    d = dropout(ones([I]), 0.5, per=sequence)
    n = tanh(linear(x * d, H) * a + (U * c) @ (h * b))
    h' = z * h + (1 - z) * n

    output h', a, b, c, z, d
'''
DIMS, T, B = {"I": 3, "H": 5}, 4, 3


def test_kernels_agree_with_the_reference_under_masks(tmp_path: Path) -> None:
    path = tmp_path / "masked.cell"
    path.write_text(TEXT, encoding="utf-8")
    subject = subject_of(path)
    cell = subject.make(DIMS)
    inputs, starts = subject.draw_inputs(DIMS, T, B), subject.draw_states(DIMS, B)
    dy, dstate = subject.draw_outputs(DIMS, T, B), subject.draw_states(DIMS, B, seed=4)
    y, last, tape = cell.forward(inputs, starts, seed=5)
    found = cell.backward(tape, dy, dstate)
    masks = {0: y.a, 1: y.b[0], 2: y.c[0, 0], 3: y.z, 4: y.d[0]}
    run, back = gradients(
        subject.forward, subject.backward, subject.leaves(cell, inputs), DIMS, T, B,
        dy, starts, dstate, masks,
    )  # fmt: skip
    assert set(np.unique(y.a)) == {0.0, 1 / 0.6}
    pairs: dict[str, tuple[Any, Any]] = {"h": (y.h, run.results["output", "h"])}
    pairs |= {f"last {n}": (pick(last, n), value) for n, value in run.finals.items()}
    for (kind, name), value in back.results.items():
        pairs[f"d {name}"] = ((found.params if kind == "param" else found.inputs)[name], value)
    pairs["d h"] = (found.state.h, back.finals["h"])
    wrong = [name for name, (ours, wanted) in pairs.items() if not distance(ours, wanted) < 1e-10]
    assert not wrong


@pytest.mark.parametrize("per", ["b", "c"])
def test_a_mask_of_a_sequence_lasts_it(tmp_path: Path, per: str) -> None:
    path = tmp_path / "masked.cell"
    path.write_text(TEXT, encoding="utf-8")
    subject = subject_of(path)
    y, _, _ = subject.make(DIMS).forward(subject.draw_inputs(DIMS, T, B), seed=5)
    mask = getattr(y, per)
    assert (mask == mask[:1]).all()
    assert len(np.unique(mask)) == 2
    assert (mask[0, 0] == mask[0, 1]).all() == (per == "c")
