"""Neurons of norse: values, states and gradients in float64.

pip install torch==2.13.0 norse==1.1.0

The surrogate of every neuron is norse's default, which ours have as `super_spike`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from tests.zoo.live.compare import agree
from tests.zoo.live.peer import Peer, draw, run_torch

torch = pytest.importorskip("torch")
pytest.importorskip("norse")
pytestmark = pytest.mark.filterwarnings("ignore")

VECTOR = (4,)
WEIGHTS = {"W": (4, 3), "R": (4, 4)}
LIF = {"dt": 0.01, "tm": 20.0, "ts": 30.0, "vl": 0.1, "vth": 0.4, "vr": -0.2}


def functional(module: str) -> Any:
    return import_module(f"norse.torch.functional.{module}")


def lif_parameters(n: Any, **more: float) -> dict[str, Any]:
    known = {
        "tau_syn_inv": n["ts"], "tau_mem_inv": n["tm"], "v_leak": n["vl"], "v_th": n["vth"],
        "v_reset": n["vr"],
    }  # fmt: skip
    return {k: torch.tensor(v, dtype=torch.float64) for k, v in {**known, **more}.items()}


def recurrent(
    step: Callable[..., Any], parameters: Any, state: Any, names: str, numbers: dict[str, float]
) -> Peer:
    """A neuron with both products; `names` are its states, by letters or between commas."""
    fields = names.split(",")

    def one(P: Any, states: Any, inputs: Any) -> tuple[Any, Any]:
        given = state(*(states[n] for n in fields))
        z, after = step(inputs["x"], given, P["W"], P["R"], parameters, dt=numbers["dt"])
        return z, dict(zip(fields, after, strict=True))

    return Peer(WEIGHTS, dict.fromkeys(fields, VECTOR), {"x": (3,)}, one, numbers)


def lif() -> Peer:
    m = functional("lif")
    p = m.LIFParameters(**lif_parameters(LIF))
    return recurrent(m.lif_step, p, m.LIFState, "z,v,i", LIF)


def lsnn() -> Peer:
    m, numbers = functional("lsnn"), {**LIF, "ta": 5.0, "β": 0.3}
    p = m.LSNNParameters(**lif_parameters(numbers, tau_adapt_inv=5.0, beta=0.3))
    return recurrent(m.lsnn_step, p, m.LSNNState, "z,v,i,b", numbers)


def adex() -> Peer:
    m, numbers = functional("lif_adex"), {**LIF, "ta": 5.0, "ΔT": 0.5, "ac": 4.0, "as_": 0.02}
    more = {"tau_ada_inv": 5.0, "delta_T": 0.5, "adaptation_current": 4.0}
    p = m.LIFAdExParameters(**lif_parameters(numbers, adaptation_spike=0.02, **more))
    return recurrent(m.lif_adex_step, p, m.LIFAdExState, "z,v,i,a", numbers)


def izhikevich() -> Peer:
    m = functional("izhikevich")
    numbers = {"a": 0.02, "b": 0.2, "c": -6.5, "d": 0.6, "vth": 3.0, "τ": 25.0, "dt": 0.001}
    known = {n: numbers[n] for n in "abcd"}
    p = m.IzhikevichParameters(**known, v_th=3.0, tau_inv=25.0)
    state = m.IzhikevichRecurrentState
    return recurrent(m.izhikevich_recurrent_step, p, state, "z,v,u", numbers)


def iaf() -> Peer:
    m, numbers = functional("iaf"), {"dt": 0.01, "vth": 0.4, "vr": -0.2}
    p = m.IAFParameters(
        v_th=torch.tensor(0.4, dtype=torch.float64), v_reset=torch.tensor(-0.2, dtype=torch.float64)
    )
    return recurrent(m.iaf_step, p, m.IAFState, "z,v", numbers)


def coba() -> Peer:
    m = functional("coba_lif")
    numbers = {
        "dt": 0.01, "te": 0.2, "ti": 0.2, "cm": 5.0, "gl": 0.25, "Ei": -10.0, "Ee": 6.0,
        "vrest": -2.0, "vr": -7.0, "vth": -1.0,
    }  # fmt: skip
    p = m.CobaLIFParameters(0.2, 0.2, 5.0, 0.25, -10.0, 6.0, -2.0, -7.0, -1.0)
    return recurrent(m.coba_lif_step, p, m.CobaLIFState, "z,v,ge,gi", numbers)


def refractory() -> Peer:
    m, inner = functional("lif_refrac"), functional("lif")
    numbers = {**LIF, "ρ": 2.0}
    p = m.LIFRefracParameters(
        inner.LIFParameters(**lif_parameters(LIF)), torch.tensor(2.0, dtype=torch.float64)
    )

    def step(P: Any, s: Any, inputs: Any) -> tuple[Any, Any]:
        state = m.LIFRefracState(inner.LIFState(s["z"], s["v"], s["i"]), s["rho"])
        z, after = m.lif_refrac_step(inputs["x"], state, P["W"], P["R"], p, dt=0.01)
        # The library hands out the spikes that were cut, and keeps those that were not.
        return z, {"z": z, "v": after.lif.v, "i": after.lif.i, "rho": after.rho}

    return Peer(WEIGHTS, dict.fromkeys(("z", "v", "i", "rho"), VECTOR), {"x": (3,)}, step, numbers)


def correlation() -> Peer:
    inner, m = functional("lif"), functional("correlation_sensor")
    numbers = {**LIF, "tc": 10.0, "tac": 8.0, "ηp": 0.5, "ηm": 0.7}
    p = inner.LIFParameters(**lif_parameters(LIF))
    sensor = m.CorrelationSensorParameters(0.5, 0.7, 8.0, 10.0)

    def step(P: Any, s: Any, inputs: Any) -> tuple[Any, Any]:
        state = inner.LIFState(s["z"], s["v"], s["i"])
        z, after = inner.lif_step(inputs["x"], state, P["W"], P["R"], p, dt=0.01)
        traces = m.CorrelationSensorState(s["last"][None], s["causal"][None], s["anti"][None])
        seen = m.correlation_sensor_step(inputs["x"][None], z[None], traces, sensor, dt=0.01)
        found = {"last": seen.post_pre, "causal": seen.correlation_trace}
        found["anti"] = seen.anti_correlation_trace
        traces = {n: a[0] for n, a in found.items()}
        return z, {"z": z, "v": after.v, "i": after.i, **traces}

    states: dict[str, tuple[int, ...]] = dict.fromkeys("zvi", VECTOR)
    states |= dict.fromkeys(("last", "causal", "anti"), (3, 4))
    return Peer(WEIGHTS, states, {"x": (3,)}, step, numbers)


def plasticity() -> Peer:
    m = functional("tsodyks_makram")
    numbers = {"dt": 0.01, "tf": 20.0, "td": 1.5, "U0": 0.45}
    p = m.TsodyksMakramParameters(tau_f_inv=20.0, tau_d_inv=1.5, U=0.45)

    def step(P: Any, s: Any, inputs: Any) -> tuple[Any, Any]:
        y, after = m.stp_step(inputs["z"], m.TsodyksMakramState(s["u"], s["x"]), p, dt=0.01)
        return y, {"u": after.u, "x": after.x}

    return Peer({}, {"u": VECTOR, "x": VECTOR}, {"z": VECTOR}, step, numbers)


CASES = {
    ("norse.lif", "lif"): lif,
    ("norse.lsnn", "lsnn"): lsnn,
    ("norse.adex", "adex"): adex,
    ("norse.izhi", "izhikevich"): izhikevich,
    ("norse.iaf", "iaf"): iaf,
    ("norse.coba", "coba_lif"): coba,
    ("norse.refrac", "lif_refrac"): refractory,
    ("norse.corr", "lif_correlation"): correlation,
    ("norse.stp", "short_term_plasticity"): plasticity,
}


@pytest.mark.parametrize(("name", "file"), CASES, ids=[f"{r}-{f}" for r, f in CASES])
def test_values_and_gradients_are_the_librarys(name: str, file: str) -> None:
    peer = CASES[name, file]()
    drawn = draw(peer)
    agree(name, file, peer, drawn, run_torch(peer, drawn))
