"""How many operations the products of a plan are."""

from __future__ import annotations

import pytest

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Source
from celldsl.ir.size import Size
from celldsl.pipeline import Artefacts, front
from celldsl.plan.places import R
from celldsl.plan.plan import Plan
from celldsl.plan.quantities import product_flops
from tests.cells import example

X, H = (Size.dim(name) for name in ("I", "H"))
TWO, THREE, FOUR = (Size.of(n) for n in (2, 3, 4))
WEIGHTS = {  # elements of matrices, each of which is one product for a row
    "rnn": (X + H) * H,
    "gru": THREE * (X + H) * H,
    "cudnn_gru": THREE * (X + H) * H,
    "peephole_lstm": FOUR * (X + H) * H,
    "mingru": TWO * X * H,
}


def planned(name: str) -> Plan:
    text = example(name).read_text(encoding="utf-8")
    lowered = front(Source(name, text), Report(), None, {})
    return Artefacts(lowered).plan


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_weight_is_multiplied_once_forward_and_twice_backward(name: str) -> None:
    plan = planned(name)
    once = TWO * R * WEIGHTS[name]
    assert product_flops(plan.forward) == once
    assert product_flops(plan.backward) == TWO * once
