"""Every cell of torchrecurrent: values, states and gradients in float64.

pip install torch==2.13.0 torchrecurrent==0.2.5
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.zoo.live.compare import TOLERANCE, agree
from tests.zoo.live.peer import Peer, draw, run_torch

torch = pytest.importorskip("torch")
library = pytest.importorskip("torchrecurrent")

USUAL = {"weight_ih": "W", "weight_hh": "U", "bias_ih": "b", "bias_hh": "d"}
CONTEXT = {"weight_ch": "V", "bias_ch": "bv"}
MEMORY = {"weight_mh": "M", "bias_mh": "bm"}
# PyTorch's slope of hardsigmoid is a sixth in float32, for tensors of float64 too.
HARD_SIGMOID = 1e-7
TYPED = {"weight_hh": "V"}


@dataclass(frozen=True)
class Cell:
    """`file` of ours; `names` of parameters that are not the usual; `numbers` as (ours, theirs)."""

    kind: str
    file: str
    names: dict[str, str] = field(default_factory=dict)
    states: str = "h"
    options: dict[str, float] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    inputs: int = 3


STABLE = {"epsilon": 0.3, "gamma": 0.2}
NUMBERS = {"ε": 0.3, "γ": 0.2}
CELLS = {
    "tr.antisym": Cell("AntisymmetricRNNCell", "antisymmetric_rnn", {}, "h", STABLE, NUMBERS),
    "tr.gantisym": Cell(
        "GatedAntisymmetricRNNCell", "gated_antisymmetric_rnn", {}, "h", STABLE, NUMBERS
    ),
    "tr.atr": Cell("ATRCell", "atr"),
    "tr.br": Cell("BRCell", "brc", {"weight_hh": "u"}),
    "tr.nbr": Cell("NBRCell", "nbrc"),
    "tr.cfn": Cell("CFNCell", "cfn"),
    "tr.cornn": Cell(
        "coRNNCell", "cornn", CONTEXT, "hc",
        {"dt": 0.3, "gamma": 0.7, "epsilon": 0.4}, {"dt": 0.3, "γ": 0.7, "ε": 0.4},
    ),
    "tr.fastrnn": Cell("FastRNNCell", "fastrnn", {"alpha": "α", "beta": "β"}),
    "tr.fastgrnn": Cell("FastGRNNCell", "fastgrnn", {"zeta": "ζ", "nu": "ν"}),
    "tr.indrnn": Cell("IndRNNCell", "indrnn", {"vector_u": "u"}),
    "tr.intersection": Cell("IntersectionRNNCell", "intersection_rnn", inputs=4),
    "tr.janet": Cell("JANETCell", "janet", {"beta": ""}, "hc", {"beta": 0.75}, {"β": 0.75}),
    "tr.lem": Cell("LEMCell", "lem", CONTEXT, "hc", {"dt": 0.6}, {"dt": 0.6}),
    "tr.lightru": Cell("LightRUCell", "light_ru"),
    "tr.ligru": Cell("LiGRUCell", "ligru"),
    "tr.mclstm": Cell("MCLSTMCell", "mclstm", {}, "vc"),
    "tr.mgu": Cell("MGUCell", "mgu"),
    "tr.minimal": Cell("MinimalRNNCell", "minimal_rnn", {"weight_mm": "M"}),
    "tr.miru1": Cell("MiRU1Cell", "miru1", {}, "h", {"update_coefficient": 0.3}, {"λ": 0.3}),
    "tr.miru2": Cell(
        "MiRU2Cell", "miru2", {}, "h",
        {"update_coefficient": 0.3, "reset_coefficient": 0.6}, {"λ": 0.3, "β": 0.6},
    ),
    "tr.mlstm": Cell("MultiplicativeLSTMCell", "multiplicative_lstm", MEMORY, "hc"),
    "tr.mut1": Cell("MUT1Cell", "mut1"),
    "tr.mut2": Cell("MUT2Cell", "mut2"),
    "tr.mut3": Cell("MUT3Cell", "mut3"),
    "tr.nas": Cell("NASCell", "nas", {}, "hc"),
    "tr.origlstm": Cell("OriginalLSTMCell", "original_lstm", {}, "hc"),
    "tr.peephole": Cell("PeepholeLSTMCell", "peephole_lstm", {"weight_ph": "p"}, "hc"),
    "tr.ran": Cell("RANCell", "ran", {}, "hc"),
    "tr.reslstm": Cell(
        "ResLSTMCell", "res_lstm", {"weight_ph": "p", "weight_proj": "P", "weight_res": "R"}, "hc"
    ),
    "tr.scrn": Cell("SCRNCell", "scrn", {**CONTEXT, "alpha": "α"}, "hc"),
    "tr.sgrn": Cell("SGRNCell", "sgrn"),
    "tr.sgu": Cell("SGUCell", "sgu"),
    "tr.dsgu": Cell("DSGUCell", "dsgu", {"weight_ho": "V"}),
    "tr.star": Cell("STARCell", "star"),
    "tr.taugru": Cell("tauGRUCell", "tau_gru"),
    "tr.trnn": Cell("TRNNCell", "trnn"),
    "tr.tgru": Cell("TGRUCell", "tgru", TYPED, "hp"),
    "tr.tlstm": Cell("TLSTMCell", "tlstm", TYPED, "cp"),
    "tr.ugrnn": Cell("UGRNNCell", "ugrnn"),
    "tr.unicornn": Cell(
        "UnICORNNCell", "unicornn", {"weight_hh": "u", "weight_ch": "k"}, "hc",
        {"dt": 0.3, "alpha": 0.4, "recurrent_bias": True}, {"dt": 0.3, "α": 0.4},
    ),
    "tr.wmclstm": Cell("WMCLSTMCell", "wmc_lstm", MEMORY, "hc"),
}  # fmt: skip


@pytest.mark.parametrize("name", CELLS)
def test_values_and_gradients_are_torchrecurrents(name: str) -> None:
    peer = peer_of(CELLS[name])
    drawn = draw(peer)
    tolerance = HARD_SIGMOID if name in ("tr.sgu", "tr.dsgu") else TOLERANCE
    agree(name, CELLS[name].file, peer, drawn, run_torch(peer, drawn), tolerance)


def test_there_are_no_other_cells() -> None:
    kinds = {kind for kind in dir(library) if kind.endswith("Cell")}
    assert kinds == {cell.kind for cell in CELLS.values()}


def peer_of(cell: Cell) -> Peer:
    module = getattr(library, cell.kind)(cell.inputs, 4, **cell.options, dtype=torch.float64)
    names = {**USUAL, **cell.names}
    shapes = {names[n]: tuple(p.shape) for n, p in module.named_parameters() if names[n]}
    called = {theirs: ours for theirs, ours in names.items() if ours in shapes}
    step = delayed(module, called) if cell.file == "tau_gru" else stepper(module, called, cell)
    sizes = {"h": (4,), "c": (4,), "v": (4,), "p": (cell.inputs,), "past": (3, 4)}
    states = {"xp" if s == "p" else s: sizes[s] for s in cell.states}
    if cell.file == "tau_gru":
        states["past"] = sizes["past"]
    return Peer(shapes, states, {"x": (cell.inputs,)}, step, cell.numbers)


def call(module: Any, called: dict[str, str], P: Any, *arguments: Any) -> Any:
    weights = {theirs: P[ours] for theirs, ours in called.items()}
    return torch.func.functional_call(module, weights, arguments)


def stepper(module: Any, called: dict[str, str], cell: Cell) -> Callable[..., Any]:
    """Outputs and states as each module orders them."""
    names = ["xp" if s == "p" else s for s in cell.states]

    def step(P: Any, states: Any, inputs: Any) -> tuple[Any, Any]:
        given = [states[n] for n in names]
        result = call(module, called, P, inputs["x"], tuple(given) if len(given) > 1 else given[0])
        if not isinstance(result, tuple):
            return result, {"h": result}
        out, after = result
        if isinstance(after, tuple):
            return out, dict(zip(names, after, strict=True))
        return out, {"h": after} if len(names) == 1 else dict(zip(names, result, strict=True))

    return step


def delayed(module: Any, called: dict[str, str]) -> Callable[..., Any]:
    """tauGRU is given the state of some steps ago."""

    def step(P: Any, states: Any, inputs: Any) -> tuple[Any, Any]:
        h, past = states["h"], states["past"]
        new = call(module, called, P, inputs["x"], h, past[0])
        return new, {"h": new, "past": torch.cat([past[1:], h[None]])}

    return step
