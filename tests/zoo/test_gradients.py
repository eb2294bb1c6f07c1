"""Derivatives of every cell of the zoo, against a step into the complex plane, by the reference.

Three steps, odd sizes; every parameter, input and start of a state.  Values that are stopped have
no imaginary part, and surrogates that of their path.
"""

from __future__ import annotations

import pytest

from tests.cells import EVERY
from tests.end_to_end.test_complex_step import gradients_agree
from tests.zoo.subject import zoo_subject


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("given", [True, False], ids=["given", "own"])
def test_gradients_agree_with_a_complex_step(name: str, given: bool) -> None:
    gradients_agree(zoo_subject(name), given)
