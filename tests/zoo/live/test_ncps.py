"""Cells of ncps: values, states and gradients in float64.

pip install torch==2.13.0 ncps==1.0.1
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.zoo.live.compare import agree
from tests.zoo.live.peer import Drawn, Peer, draw, run_torch
from tests.zoo.weights.time import LTC

torch = pytest.importorskip("torch")
library = pytest.importorskip("ncps.torch")
wirings = pytest.importorskip("ncps.wirings")
pytestmark = pytest.mark.filterwarnings("ignore")

INPUTS: dict[str, tuple[int, ...]] = {"x": (3,), "Δt": ()}
BACKBONE = {"B": (6, 7), "bb": (6,), "F1": (4, 6), "f1": (4,)}
GATED = {"F2": (4, 6), "f2": (4,), "Ta": (4, 6), "ta": (4,), "Tb": (4, 6), "tb": (4,)}
NAMES = {
    "backbone.0.weight": "B", "backbone.0.bias": "bb", "ff1.weight": "F1", "ff1.bias": "f1",
    "ff2.weight": "F2", "ff2.bias": "f2", "time_a.weight": "Ta", "time_a.bias": "ta",
    "time_b.weight": "Tb", "time_b.bias": "tb", "w_tau": "w", "A": "A",
}  # fmt: skip


def cfc(mode: str, shapes: dict[str, tuple[int, ...]]) -> Peer:
    cell = library.CfCCell(
        3, 4, mode=mode, backbone_activation="lecun_tanh", backbone_units=6, backbone_layers=1
    ).double()

    def step(P: Any, states: Any, inputs: Any) -> tuple[Any, Any]:
        weights = {theirs: P[ours] for theirs, ours in NAMES.items() if ours in P}
        given = (inputs["x"][None], states["h"][None], inputs["Δt"])
        h, _ = torch.func.functional_call(cell, weights, given)
        return h[0], {"h": h[0]}

    return Peer(shapes, {"h": (4,)}, INPUTS, step)


def ltc() -> Peer:
    """The cell reads its weights from a dict of its own."""
    wiring = wirings.FullyConnected(4)
    wiring.build(3)
    cell = library.LTCCell(wiring).double()
    fixed = {n: cell._params[n].double() for n in ("sparsity_mask", "sensory_sparsity_mask")}
    fixed = {n: torch.ones_like(value) for n, value in fixed.items()}

    def step(P: Any, states: Any, inputs: Any) -> tuple[Any, Any]:
        cell._params = {**fixed, **P}
        y, v = cell(inputs["x"][None], states["h"][None], inputs["Δt"])
        return y[0], {"h": v[0]}

    shapes = {n: tuple(cell._params[n].shape) for n in LTC.values()}
    return Peer(shapes, {"h": (4,)}, INPUTS, step)


CASES = {
    ("cfc", "cfc"): lambda: cfc("default", {**BACKBONE, **GATED}),
    ("cfc.nogate", "cfc"): lambda: cfc("no_gate", {**BACKBONE, **GATED}),
    ("cfc.pure", "cfc_pure"): lambda: cfc("pure", {**BACKBONE, "w": (4,), "A": (4,)}),
    ("ltc", "ltc"): ltc,
}


@pytest.mark.parametrize(("name", "file"), CASES, ids=[f"{r}-{f}" for r, f in CASES])
def test_values_and_gradients_are_the_librarys(name: str, file: str) -> None:
    peer = CASES[name, file]()
    drawn = positive(draw(peer))
    agree(name, file, peer, drawn, run_torch(peer, drawn))


def positive(drawn: Drawn) -> Drawn:
    """Time goes on, and conductances and capacities are above zero."""
    above = {"w", "sensory_w", "gleak", "cm"} if "cm" in drawn.parameters else set()
    parameters = {n: abs(a) + 0.1 if n in above else a for n, a in drawn.parameters.items()}
    inputs = {**drawn.inputs, "Δt": abs(drawn.inputs["Δt"]) + 0.1}
    return Drawn(parameters, drawn.states, inputs)
