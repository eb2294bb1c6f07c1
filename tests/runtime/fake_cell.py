# ruff: noqa: E741 (I is a size, as in the description)
"""A cell written by hand in NumPy: the executable form of what description.py says.

    cell = Fake(I=3, H=4, dtype="float64")

    h' = tanh(scale * (x @ W_x + h @ W_h + b)),  h starts at h0

`W_h` lies transposed in the flat array.  Kernels check what the runtime promises them as they go.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from celldsl.runtime.cell.cell import Cell
from celldsl.runtime.description import (
    ABI,
    Array,
    Condition,
    Description,
    Dim,
    Hyper,
    Lengths,
    Param,
    Phase,
)

Values = Any


@dataclass
class Rows:
    """The `rows` array by name."""

    T: int
    B: int
    R: int
    S: int
    first: int
    count: int
    given: int
    keep: int
    own: int
    steps: Values
    sequences: Values
    begins: Values
    start: int
    runs: list[Values]

    @staticmethod
    def read(rows: Values) -> Rows:
        assert rows.dtype == np.int64
        T, count, at = int(rows[0]), int(rows[5]), int(rows[9])
        assert at == 12 + 5 * (T + 1)
        steps = rows[12:at].reshape(-1, 5)
        end = at + 2 * count + 1
        assert steps[0, 4] == end and steps[T, 4] == len(rows)
        runs = [rows[a:b].reshape(-1, 4) for a, b in pairwise(steps[:, 4])]
        begins = rows[at + count : end - 1]
        order, start = rows[at : at + count], int(rows[end - 1])
        found = Rows(*(int(v) for v in rows[:9]), steps[:, :4], order, begins, start, runs)
        assert found.steps[found.T, 1] == 0
        for t, own in enumerate(runs):
            # Runs follow each other, and are all that is active.
            assert [*own[:, 0], found.steps[t, 1]] == [0, *own[:, 1]]
        anew = any(own[:, 3].any() for own in runs)
        assert found.own == (not found.given or anew or bool((begins < 0).any()))
        return found


def own_rows(total: int, share: int, shares: int) -> slice:
    return slice(total * share // shares, total * (share + 1) // shares)


def blocks(flat: Values, *shapes: tuple[int, ...]) -> list[Values]:
    """Consecutive arrays of a flat one, which must be long enough."""
    found, start = [], 0
    for shape in shapes:
        size = int(np.prod(shape))
        assert start + size <= flat.size
        found.append(flat[start : start + size].reshape(shape))
        start += size
    return found


def weights(flat: Values, I: int, H: int) -> list[Values]:
    W_x, W_h, b, h0 = blocks(flat, (I, H), (H, H), (H,), (H,))
    return [W_x, W_h.T, b, h0]


def prepare(part, parts, share, shares, rows, dims, hyper, parameters, constants, fixed, *rest):
    I, H = dims
    assert part == 0
    fixed[: H * H].reshape(H, H)[...] = hyper[0] * weights(parameters, I, H)[1]


def project(
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
    x,
    *rest,
):
    I, H = dims
    R = Rows.read(rows).R
    W_x, _, b, _ = weights(parameters, I, H)
    own = own_rows(R, share, shares)
    blocks(work, (R, H))[0][own] = hyper[0] * (x.reshape(R, I)[own] @ W_x + b)


def loop(
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
    x,
    y,
    start,
    end,
):
    I, H = dims
    r = Rows.read(rows)
    kept = r.R if r.keep else r.B
    states, saved = blocks(tape, (r.S + r.B, H), (kept, H))
    outputs, before = y.reshape(r.R, H), work[: r.R * H].reshape(r.R, H)
    W = fixed[: H * H].reshape(H, H)
    initial = weights(parameters, I, H)[3]
    begin(r, states, start.reshape(-1, H), initial)
    for t in range(r.T):
        row, active, state_row, tape_row = r.steps[t]
        h = states[state_row : state_row + active]
        new = np.tanh(before[row : row + active] + h @ W)
        saved[tape_row : tape_row + active] = new
        outputs[row : row + active] = new
        put(r, states, t, new, initial)
    own = slice(r.first, r.first + r.count)
    end.reshape(r.B, H)[own] = states[r.S + r.first : r.S + r.first + r.count]


def begin(r: Rows, states: Values, start: Values, initial: Values) -> None:
    """Stores states before the first step; final ones where a sequence has none."""
    own = np.tile(initial, (r.count, 1))
    own[r.begins > 0] = start[r.first : r.first + r.count][r.begins > 0] if r.given else 0
    _, active, state_row, _ = r.steps[0]
    states[state_row : state_row + active] = own[:active]
    states[r.S + r.first + active : r.S + r.first + r.count] = own[active:]


def put(r: Rows, states: Values, t: int, new: Values, initial: Values) -> None:
    """Stores states after step t: for the next step, or as final ones."""
    for low, high, next_row, _ in r.runs[t]:
        states[next_row + low : next_row + high] = new[low:high]
    for low, high in fresh(r, t):
        states[r.steps[t + 1, 2] + low : r.steps[t + 1, 2] + high] = initial


def fresh(r: Rows, t: int) -> list[Any]:
    """The sequences that begin anew after a step."""
    return [run[:2] for run in r.runs[t] if run[3]]


def back(
    part, parts, share, shares, rows, dims, hyper, parameters, constants, fixed, tape, work,
    gradients, x, dy, dx, dend, dstart,
):  # fmt: skip
    _, H = dims
    r = Rows.read(rows)
    assert r.keep and r.S >= r.R and gradients.size == parameters.size
    _, saved = blocks(tape, (r.S + r.B, H), (r.R, H))
    da, d_initial = blocks(work, (r.R, H), (parts, H))
    own = slice(r.first, r.first + r.count)
    W = fixed[: H * H].reshape(H, H)
    dh = dend.reshape(r.B, H)[own].copy()
    d_initial[part] = 0
    for t in reversed(range(r.T)):
        for low, high in fresh(r, t):
            d_initial[part] += dh[low:high].sum(axis=0)
            dh[low:high] = 0
        row, active, state_row, tape_row = r.steps[t]
        assert state_row == row == tape_row
        place = slice(row, row + active)
        total = dh[:active] + dy.reshape(r.R, H)[place]
        da[place] = total * (1 - saved[place] ** 2)
        dh[:active] = da[place] @ W.T
    dstart.reshape(r.B, H)[own] = dh * (r.begins >= 0)[:, None]
    d_initial[part] += dh[r.begins <= 0].sum(axis=0)


def back_inputs(
    part, parts, share, shares, rows, dims, hyper, parameters, constants, fixed, tape, work,
    gradients, x, dy, dx, dend, dstart,
):  # fmt: skip
    I, H = dims
    R = Rows.read(rows).R
    own = own_rows(R, share, shares)
    W_x = weights(parameters, I, H)[0]
    dx.reshape(R, I)[own] = hyper[0] * blocks(work, (R, H))[0][own] @ W_x.T


def finish(
    part, parts, share, shares, rows, dims, hyper, parameters, constants, fixed, tape, work,
    gradients, x, dy, dx, dend, dstart,
):  # fmt: skip
    I, H = dims
    R = Rows.read(rows).R
    da, d_initial = blocks(work, (R, H), (parts, H))
    states = blocks(tape, (R, H))[0]
    dW_x, dW_h, db, dh0 = weights(gradients, I, H)
    dW_x[...] = hyper[0] * x.reshape(R, I).T @ da
    dW_h[...] = hyper[0] * states.T @ da
    db[...] = hyper[0] * da.sum(axis=0)
    dh0[...] = d_initial.sum(axis=0)


def initial(draw, v):
    I, H = v["I"], v["H"]
    yield "h.W_x", draw("glorot_uniform", "h.W_x", (I, H), I, H)
    yield "h.W_h", draw("orthogonal", "h.W_h", (H, H), H, H)
    yield "h.b", draw("zeros", "h.b", (H,), H, H)
    yield "h0", draw("uniform", "h0", (H,), H, H, -0.5, 0.5)


class Fake(Cell):
    description = Description(
        name="Fake",
        equations="h' = tanh(scale * (x @ W_x + h @ W_h + b))",
        source="fake.cell",
        digest="0" * 64,
        version="0.1.0",
        abi=ABI,
        dims=(Dim("I"), Dim("H", default=lambda I: I)),
        hypers=(Hyper("scale", "real", 1.0, False), Hyper("activation", "function", "tanh", True)),
        inputs=(Array("x", "[I]", lambda I, H: (I,)),),
        outputs=(Array("h", "[H]", lambda I, H: (H,)),),
        states=(Array("h", "[H]", lambda I, H: (H,)),),
        params=(
            Param("h.W_x", "[I, H]", lambda I, H: (I, H), lambda I, H: 0, lambda I, H: (H, 1)),
            Param("h.W_h", "[H, H]", lambda I, H: (H, H), lambda I, H: I * H, lambda I, H: (1, H)),
            Param("h.b", "[H]", lambda I, H: (H,), lambda I, H: (I + H) * H, lambda I, H: (1,)),
            Param("h0", "[H]", lambda I, H: (H,), lambda I, H: (I + H + 1) * H, lambda I, H: (1,)),
        ),
        consts=(),
        conditions=(Condition(lambda v: v["H"] != 13, "H != 13", "H must not be unlucky"),),
        initial=initial,
        lengths=Lengths(
            parameters=lambda I, H: (I + H + 2) * H,
            constants=lambda I, H: 0,
            fixed=lambda I, H: H * H,
            backward_fixed=lambda I, H: 0,
            tape=lambda I, H, _R, _B, _S, _K, _parts: (_S + _B + _K) * H,
            forward_work=lambda I, H, _R, _B, _S, _K, _parts: _R * H,
            backward_work=lambda I, H, _R, _B, _S, _K, _parts: (_R + _parts) * H,
        ),
        forward=(Phase("once", prepare), Phase("rows", project), Phase("steps", loop)),
        backward=(Phase("steps", back), Phase("rows", back_inputs), Phase("once", finish)),
    )
