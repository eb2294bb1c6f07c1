"""States around the time loop.  In: where states lie.  Out: statements that bring them in and out.

copy(pointer(tape, home * d_H, -1), pointer(start_h, (first + b) * d_H, -1), d_H)
"""

from __future__ import annotations

from celldsl.ir.size import Shape, Size, product
from celldsl.kernel_ir.expressions import (
    Count,
    Load,
    Name,
    Pointer,
    Value,
    Word,
    less,
    minus,
    plus,
    times,
    where,
)
from celldsl.kernel_ir.places import element, place_at, pointer_to
from celldsl.kernel_ir.products import rows_from
from celldsl.kernel_ir.statements import Writer
from celldsl.plan.places import Place
from celldsl.plan.plan import StateCopy

FIRST, COUNT = Word("first"), Word("count")
STATES = Count(Size.dim("@S"))
ACTIVE = Name("active")
# Where `rows` tells of the steps, how much of each, and what (`celldsl.runtime.description`).
FIRST_STEP, STEP_WORDS = 8, 4
ROW_WORD, ACTIVE_WORD, STATE_WORD, SAVED_WORD = range(STEP_WORDS)


def bring_in(out: Writer, state: StateCopy) -> None:
    """The caller's start states, or those of the cell, to where the first step reads them."""
    inside, width = state.inside, Count(product(state.shape))
    if not state.start_array:
        out.do("fill", rows_from(inside, 0), times(COUNT, width), 0.0)
        return
    with out.loop("b", COUNT) as b:
        given = Pointer(state.start_array, times(plus(FIRST, b), Count(inside.width)))
        if inside.rows == "batch":
            out.do("copy", rows_from(inside, b), given, width)
            return
        # Where a sequence has no step, its start is its final state.
        starts = less(b, Load(Name("rows"), FIRST_STEP + ACTIVE_WORD))
        row = Load(Name("rows"), FIRST_STEP + STATE_WORD)
        home = out.let("home", where(starts, plus(row, b), plus(STATES, FIRST, b)))
        with out.when(Word("given")):
            out.do("copy", pointer_to(inside, home), given, width)
        with out.otherwise():
            _write_start(out, state, home)


def _write_start(out: Writer, state: StateCopy, home: Name) -> None:
    """The value that the cell gives where the caller gave none."""
    inside = state.inside
    if state.start is None:
        out.do("fill", pointer_to(inside, home), Count(product(state.shape)), 0.0)
        return
    place = state.start.place
    axes = [(f"j{i}", size) for i, size in enumerate(state.shape)]
    indices = [Name(name) for name, _ in axes]
    with out.loops(axes):
        to = plus(place_at(inside, home), element(inside.strides, indices))
        row = plus(FIRST, Name("b")) if place.rows == "batch" else 0
        at = plus(place_at(place, row), element(state.start.strides, indices))
        out.assign(Load(Name(inside.array), to), Load(Name(place.array), at))


def take_out(out: Writer, state: StateCopy) -> None:
    """The final states, to the caller's array."""
    if not state.final_array:
        return
    inside, width = state.inside, Count(product(state.shape))
    row = FIRST if inside.rows == "batch" else plus(STATES, FIRST)
    target = Pointer(state.final_array, times(FIRST, width))
    out.do("copy", target, pointer_to(inside, row), times(COUNT, width))


def copy_rows(out: Writer, source: Place, target: Place, shape: Shape, low: Value) -> None:
    """Copies of the rows `low` … active-1 of a step."""
    width = Count(product(shape))
    ends = rows_from(target, low), rows_from(source, low)
    if low == 0:
        out.do("copy", *ends, times(ACTIVE, width))
        return
    with out.when(less(low, ACTIVE)):
        out.do("copy", *ends, times(minus(ACTIVE, low), width))
