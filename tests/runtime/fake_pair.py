"""A cell with two inputs, two outputs, a nested state and a const, by hand in NumPy.

cell = Pair(H=3, w=array, dtype="float64")

m'   = decay * m + z * x          g.n' = w * g.n + p * m'
output s = m',  e = concat([m', g.n'])
"""

from __future__ import annotations

import numpy as np

from celldsl.runtime.cell.cell import Cell
from celldsl.runtime.description import ABI, Array, Description, Dim, Hyper, Lengths, Param, Phase
from tests.runtime.fake_cell import Rows, begin, blocks, fresh, put


def loop(
    part, parts, share, shares, rows, dims, hyper, parameters, constants, fixed, tape, work,
    x, z, s, e, start_m, start_n, end_m, end_n,
):  # fmt: skip
    (H,) = dims
    r = Rows.read(rows)
    m, n = blocks(tape, (r.S + r.B, H), (r.S + r.B, H))
    own = slice(r.first, r.first + r.count)
    for states, start in ((m, start_m), (n, start_n)):
        begin(r, states, start.reshape(-1, H), np.zeros(H))
    for t in range(r.T):
        row, active, state_row, _ = r.steps[t]
        at, now = slice(row, row + active), slice(state_row, state_row + active)
        m_next = hyper[0] * m[now] + z[at, None] * x.reshape(-1, H)[at]
        n_next = constants * n[now] + parameters * m_next
        s.reshape(-1, H)[at] = m_next
        e.reshape(-1, 2 * H)[at] = np.concatenate([m_next, n_next], axis=1)
        put(r, m, t, m_next, np.zeros(H))
        put(r, n, t, n_next, np.zeros(H))
    final = slice(r.S + r.first, r.S + r.first + r.count)
    end_m.reshape(-1, H)[own], end_n.reshape(-1, H)[own] = m[final], n[final]


def back(
    part, parts, share, shares, rows, dims, hyper, parameters, constants, fixed, tape, work,
    gradients, x, z, ds, de, dx, dz, dend_m, dend_n, dstart_m, dstart_n,
):  # fmt: skip
    (H,) = dims
    r = Rows.read(rows)
    m, _ = blocks(tape, (r.S + r.B, H), (r.S + r.B, H))
    own = slice(r.first, r.first + r.count)
    dm, dn = dend_m.reshape(-1, H)[own].copy(), dend_n.reshape(-1, H)[own].copy()
    dp = work[: parts * H].reshape(parts, H)[part]
    dp[:] = 0
    for t in reversed(range(r.T)):
        for low, high in fresh(r, t):
            dm[low:high], dn[low:high] = 0, 0
        row, active, state_row, _ = r.steps[t]
        at = slice(row, row + active)
        xs, zs, d = x.reshape(-1, H)[at], z[at, None], de.reshape(-1, 2 * H)[at]
        m_next = hyper[0] * m[state_row : state_row + active] + zs * xs
        total_n = dn[:active] + d[:, H:]
        total_m = dm[:active] + ds.reshape(-1, H)[at] + d[:, :H] + parameters * total_n
        dp += (total_n * m_next).sum(axis=0)
        dx.reshape(-1, H)[at], dz[at] = zs * total_m, (xs * total_m).sum(axis=1)
        dm[:active], dn[:active] = hyper[0] * total_m, constants * total_n
    for d, target in ((dm, dstart_m), (dn, dstart_n)):
        target.reshape(-1, H)[own] = d * (r.begins >= 0)[:, None]


def finish(
    part,
    parts,
    share,
    shares,
    rows,
    dims,
    hyper,
    parameters,
    constants,
    fixed,
    tape,
    work,
    gradients,
    *rest,
):
    gradients[:] = work[: parts * dims[0]].reshape(parts, -1).sum(axis=0)


def one(H):
    return (H,)


class Pair(Cell):
    description = Description(
        name="Pair",
        equations="m' = decay * m + z * x\ng.n' = w * g.n + p * m'",
        source="pair.cell",
        digest="1" * 64,
        version="0.1.0",
        abi=ABI,
        dims=(Dim("H"),),
        hypers=(Hyper("decay", "real", 0.5, False),),
        inputs=(Array("x", "[H]", one), Array("z", "[]", lambda H: ())),
        outputs=(Array("s", "[H]", one), Array("e", "[2*H]", lambda H: (2 * H,))),
        states=(Array("m", "[H]", one), Array("g.n", "[H]", one)),
        params=(Param("p", "[H]", one, lambda H: 0, lambda H: (1,)),),
        consts=(Param("w", "[H]", one, lambda H: 0, lambda H: (1,), value=False),),
        conditions=(),
        initial=lambda draw, v: iter([("p", draw("normal", "p", (v["H"],), v["H"], v["H"], 1.0))]),
        lengths=Lengths(
            parameters=lambda H: H,
            constants=lambda H: H,
            fixed=lambda H: 0,
            backward_fixed=lambda H: 0,
            tape=lambda H, _R, _B, _S, _K, _parts: 2 * (_S + _B) * H,
            forward_work=lambda H, _R, _B, _S, _K, _parts: 0,
            backward_work=lambda H, _R, _B, _S, _K, _parts: _parts * H,
        ),
        forward=(Phase("steps", loop),),
        backward=(Phase("steps", back), Phase("once", finish)),
    )
