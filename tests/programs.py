"""Cells built by hand, and data for them.  In: names and sizes.  Out: programs and arrays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from celldsl.ir.attributes import SITE
from celldsl.ir.builder import Builder
from celldsl.ir.ops.op import Term
from celldsl.ir.program import Leaf, Program, Result, Rows, State, Type
from celldsl.ir.size import Shape, Size

IN, H, ONE = Size.dim("I"), Size.dim("H"), Size.of(1)
ROWS = {"input": Rows.STEP, "state": Rows.STEP}


class Cell:
    """Leaves by kind, then terms, then `program`; everything stands in the step."""

    def __init__(self, **leaves: Shape) -> None:
        self.leaves = [
            Leaf(kind, name.replace("__", "."), Type(shape, ROWS.get(kind, Rows.ONCE)))
            for key, shape in leaves.items()
            for kind, name in [key.split("_", 1)]
        ]
        self.builder = Builder(self.leaves)

    def __getitem__(self, name: str) -> Term:
        return Term(self.builder, name)

    def program(
        self,
        outputs: dict[str, Term],
        following: dict[str, Term],
        starts: dict[str, Term] | None = None,
    ) -> Program:
        starts = starts or {}
        early = {name for term in starts.values() for name in self._needs(term.name)}
        nodes = self.builder.nodes
        return Program(
            "Test",
            ("I", "H"),
            tuple(self.leaves),
            tuple(n for n in nodes if n.name in early),
            tuple(n for n in nodes if n.name not in early),
            (),
            tuple(
                State(s, starts[s].name if s in starts else None, v.name)
                for s, v in following.items()
            ),
            tuple(Result("output", n, v.name) for n, v in outputs.items()),
        )

    def _needs(self, value: str) -> set[str]:
        found = {value}
        for node in reversed(self.builder.nodes):
            if node.name in found:
                found.update(node.args)
        return found


def vm(x: Term, W: Term) -> Term:
    return x.op("einsum", W, spec="i,ij->j")


def plain_rnn() -> Program:
    c = Cell(input_x=(IN,), state_h=(H,), param_W=(IN, H), param_U=(H, H), param_b=(H,))
    h = (vm(c["x"], c["W"]) + vm(c["h"], c["U"]) + c["b"]).op("tanh")
    return c.program({"h": h}, {"h": h})


def lstm() -> Program:
    c = Cell(
        input_x=(IN,), state_h=(H,), state_c=(H,), param_W=(IN, H * 4), param_U=(H, H * 4),
        param_b=(H * 4,), hyper_forget=(),
    )  # fmt: skip
    z = vm(c["x"], c["W"]) + vm(c["h"], c["U"]) + c["b"]
    i, f, g, o = (z.op("slice", axis=0, start=H * k, stop=H * (k + 1)) for k in range(4))
    cell = (f + c["forget"]).op("sigmoid") * c["c"] + i.op("sigmoid") * g.op("tanh")
    h = o.op("sigmoid") * cell.op("tanh")
    return c.program({"y": h, "c": cell}, {"h": h, "c": cell})


def learned_start() -> Program:
    """The start is a function of parameters, one of which the step reads too."""
    c = Cell(input_x=(IN,), state_h=(H,), param_W=(IN, H), param_u=(H,), param_h0=(H,))
    start = c["h0"].op("tanh") * c["u"]
    h = (vm(c["x"], c["W"]) + c["u"] * c["h"]).op("sin")
    return c.program({"h": h}, {"h": h}, {"h": start})


def antisymmetric() -> Program:
    """`U - transpose(U) - gamma * eye(H)` is computed from parameters alone."""
    c = Cell(input_x=(IN,), state_h=(H,), param_W=(IN, H), param_U=(H, H), hyper_gamma=())
    eye = c["U"].source("eye", n=H)
    A = c["U"] - c["U"].op("transpose", perm=(1, 0)) - eye * c["gamma"]
    h = c["h"] + (vm(c["x"], c["W"]) + vm(c["h"], A)).op("tanh") * 0.1
    return c.program({"h": h}, {"h": h})


def matrix_state() -> Program:
    c = Cell(
        input_x=(IN,), state_S=(H, H), param_K=(IN, H), param_V=(IN, H), param_f=(H,),
    )  # fmt: skip
    k, v = vm(c["x"], c["K"]), vm(c["x"], c["V"])
    outer = k.op("einsum", v, spec="i,j->ij")
    keep = c["f"].op("sigmoid").op("reshape", shape=(H, ONE)).stretch((H, H))
    S = keep * c["S"] + outer
    norm = S.op("sum", axis=1).op("abs").op("max", 1.0)
    y = S.op("einsum", k, spec="ij,i->j") / norm
    return c.program({"y": y}, {"S": S})


def layer_norm() -> Program:
    """The old state is an output, the mean over the last axis is taken by hand."""
    c = Cell(input_x=(IN,), state_h=(H,), param_W=(IN, H), param_g=(H,), const_A=(H, H))
    s = vm(c["x"], c["W"]) + vm(c["h"], c["A"])
    n = s.source("size", size=H)
    centred = s - (s.op("sum", axis=0) / n).stretch((H,))
    variance = centred.op("square").op("sum", axis=0) / n
    h = c["g"] * centred / (variance + 1e-3).op("sqrt") + s.op("amax", axis=0)
    return c.program({"y": c["h"], "z": h.op("sum", axis=0)}, {"h": h})


def row_masks() -> Program:
    """A mask per sequence meets a parameter before it meets a step; outputs without steps."""
    c = Cell(input_x=(IN,), state_h=(H,), param_W=(IN, H), param_b=(H,), hyper_rate=())
    mask = c["rate"].op("mask", site=0, per="sequence", kind="dropout", shape=(H,))
    steps = c["rate"].op("mask", site=1, per="step", kind="zoneout", shape=(H,))
    masked = mask * c["b"].op("exp")
    h = steps * c["h"] + (1.0 - steps) * (vm(c["x"], c["W"]) * masked).op("tanh")
    return c.program({"h": h, "b": c["b"] * 2.0}, {"h": h}, {"h": masked})


CELLS: dict[str, Callable[[], Program]] = {
    f.__name__: f
    for f in (
        plain_rnn, lstm, learned_start, antisymmetric, matrix_state, layer_norm, row_masks,
    )
}  # fmt: skip

SIZES = [(1, 1), (2, 7), (7, 2)]
TIMES = [(1, 1), (1, 2), (3, 1), (3, 2)]


def shape_of(kind: Type, dims: dict[str, int], T: int, B: int) -> tuple[int, ...]:
    lead = ((), (B,), (T, B))[kind.rows]
    return (*lead, *(s.evaluate(dims) for s in kind.shape))


def draw_leaves(p: Program, dims: dict[str, int], T: int, B: int) -> dict[str, np.ndarray]:
    """Arrays for all leaves but states."""
    rng = np.random.default_rng(7)

    def drawn(kind: Type) -> np.ndarray:
        """Integers are below every dim."""
        shape = shape_of(kind, dims, T, B)
        if kind.integer:
            return rng.integers(0, min(dims.values()), size=shape)
        return rng.random(shape) < 0.5 if kind.boolean else rng.normal(size=shape)

    leaves = (leaf for leaf in p.leaves if leaf.kind not in ("state", "saved"))
    return {leaf.name: drawn(leaf.type) for leaf in leaves}


def draw_masks(p: Program, dims: dict[str, int], T: int, B: int) -> dict[int, np.ndarray]:
    rng = np.random.default_rng(8)
    return {
        n[SITE]: rng.integers(0, 2, shape_of(n.type, dims, T, B)) * 1.5
        for n in p.nodes()
        if n.op == "mask"
    }


def draw_outputs(p: Program, dims: dict[str, int], T: int, B: int) -> dict[str, np.ndarray]:
    """Cotangents of outputs."""
    rng = np.random.default_rng(9)
    types = p.types()
    return {
        r.name: rng.normal(size=shape_of(Type(types[r.value].shape, Rows.STEP), dims, T, B))
        for r in p.results
    }


def draw_finals(p: Program, dims: dict[str, int], T: int, B: int) -> dict[str, np.ndarray]:
    """Cotangents of final states, or states to start from."""
    rng = np.random.default_rng(10)
    types = p.types()
    return {
        s.name: rng.normal(size=shape_of(Type(types[s.name].shape, Rows.BATCH), dims, T, B))
        for s in p.states
    }
