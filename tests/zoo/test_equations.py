"""Cells compute what NumPy makes of the published equations: outputs and states of five steps.

By the reference: other tests compare it with the kernels.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.end_to_end.subject import Arrays, Subject
from tests.zoo.equations import STEPS, VARIANTS
from tests.zoo.equations.terms import Step
from tests.zoo.equations.variants import Variant
from tests.zoo.subject import with_structure, zoo_subject

T = 5


@pytest.mark.parametrize("name", STEPS)
def test_a_cell_computes_its_equations(name: str) -> None:
    agree(zoo_subject(name), {}, STEPS[name])


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_a_variant_computes_its_equations(variant: Variant) -> None:
    agree(with_structure(variant.file, variant.settings), variant.settings, variant.step)


def agree(subject: Subject, settings: Arrays, step: Step) -> None:
    """Every output of every step, and the states at the end."""
    dims = subject.dims(subject.sizes[0])
    rng = np.random.default_rng(0)
    params = {p.name: rng.normal(size=subject.shape(p.shape, dims)) / 2
              for p in subject.spec.params}  # fmt: skip
    consts = dict(subject.make(dims).consts) if subject.spec.consts else {}
    for key, value in consts.items():
        if (value == 1).all():  # a mask that leaves nothing out
            consts[key] = np.float64(rng.integers(0, 2, size=value.shape))
    inputs, starts = subject.draw_inputs(dims, T, 1), subject.draw_states(dims, 1)
    leaves = {**subject.hypers(), **params, **consts, **inputs}
    run = subject.evaluate(leaves, dims, T, 1, starts)
    hypers = {h.name: h.value for h in subject.spec.hypers}
    state = {key: value[0] for key, value in starts.items()}
    lasting = {each.name for each in subject.spec.inputs if each.per == "sequence"}
    for t in range(T):
        here = {key: x[0] if key in lasting else x[t, 0] for key, x in inputs.items()}
        wanted, state = step({**hypers, **settings, **consts, **params}, here, state)
        for key, value in wanted.items():
            found = run.results["output", key][t, 0]
            np.testing.assert_allclose(found, value, rtol=1e-9, atol=1e-10, err_msg=f"{key} {t}")
    assert set(state) == set(starts)
    for key, value in state.items():
        np.testing.assert_allclose(run.finals[key][0], value, rtol=1e-9, atol=1e-10, err_msg=key)
