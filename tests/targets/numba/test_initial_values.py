"""Initial values that are made of parameters and consts above."""

from __future__ import annotations

import numpy as np

from celldsl import compile_source

TEXT = """
cell Main[H]:
    input x: [H]
    param tau: [H] = exp(uniform(0, 6))
    const shift: [H] = tau * 2
    param s: [H] = uniform(0, 1) * tau
    param again: [H] = shift
    state h: [H] = again

    h' = x * tau + s * h + shift

    output h'
"""


def test_values_are_made_of_those_above() -> None:
    cell = compile_source(TEXT)(H=4, dtype="float64")
    tau = cell.params["tau"]
    assert len(set(tau)) == 4 and (tau > 1).all()
    np.testing.assert_array_equal(cell.consts["shift"], 2 * tau)
    np.testing.assert_array_equal(cell.params["again"], 2 * tau)
    assert (cell.params["s"] / tau < 1).all()
    np.testing.assert_array_equal(cell.state(2).h, [2 * tau, 2 * tau])


def test_a_const_that_is_given_counts_where_it_is_read() -> None:
    shift = np.arange(4.0)
    cell = compile_source(TEXT)(H=4, dtype="float64", shift=shift)
    np.testing.assert_array_equal(cell.params["again"], shift)
    np.testing.assert_array_equal(cell.consts["shift"], shift)
