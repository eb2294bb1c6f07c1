"""States around the time loop.  In: where states lie.  Out: statements that bring them in and out.

copy(pointer(tape, home * d_H, -1), pointer(start_h, (first + b) * d_H, -1), d_H)

And between two steps, where sequences begin anew: a state goes back to the cell's own start, its
cotangent ends there.
"""

from __future__ import annotations

from celldsl.ir.size import Shape, Size, product
from celldsl.kernel_ir.places import element, place_at, pointer_to
from celldsl.kernel_ir.products import rows_from
from celldsl.kernel_ir.statements import (
    Count,
    Load,
    Name,
    Pointer,
    Value,
    Word,
    Writer,
    less,
    minus,
    plus,
    times,
    where,
)
from celldsl.plan.places import Place
from celldsl.plan.plan import StateCopy

FIRST, COUNT = Word("first"), Word("count")
STATES = Count(Size.dim("@S"))
ACTIVE = Name("active")
# Where `rows` tells of the steps, how much of each, and what (`celldsl.runtime.description`).
FIRST_STEP, STEP_WORDS = 12, 5
ROW_WORD, ACTIVE_WORD, STATE_WORD, SAVED_WORD, RUN_WORD = range(STEP_WORDS)
RUN_WORDS = 4
LOW_WORD, HIGH_WORD, NEXT_WORD, FRESH_WORD = range(RUN_WORDS)


def given_word(b: Value) -> Value:
    """1 where a sequence begins with the state that was passed; 0 and -1 say why not."""
    return Load(Name("rows"), plus(Word("sequences"), COUNT, b))


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
        with out.when(less(0, given_word(b))):
            out.do("copy", pointer_to(inside, home), given, width)
        with out.otherwise():
            write_start(out, state, home)


def write_start(out: Writer, state: StateCopy, home: Value) -> None:
    """The value that the cell gives where the caller gave none, for sequence `b`."""
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
    if inside.rows == "batch":
        with out.loop("b", COUNT) as b, out.when(less(given_word(b), 0)):
            own = Pointer(state.final_array, times(plus(FIRST, b), width))
            out.do("fill", own, width, 0.0)


def end_cotangent(out: Writer, state: StateCopy) -> None:
    """Of sequence `b`, which begins anew: nothing goes further back.

    What the cell's own start gets of it is added up in `anew`, where that has a gradient.
    """
    if not state.start_array:
        return
    width = Count(product(state.shape))
    inside = rows_from(state.inside, Name("b"))
    if state.anew is not None:
        out.do("add_shares", width, 1, width, inside, rows_from(state.anew, Name("b")))
    out.do("fill", inside, width, 0.0)


def join_starts(out: Writer, state: StateCopy) -> None:
    """After the last step back: the cotangents of the cell's own starts, all together."""
    if state.anew is None:
        return
    width = Count(product(state.shape))
    with out.loop("b", COUNT) as b:
        inside = rows_from(state.inside, b)
        with out.when(less(0, given_word(b))):
            out.do("fill", inside, width, 0.0)
        out.do("add_shares", width, 1, width, rows_from(state.anew, b), inside)


def copy_rows(out: Writer, source: Place, target: Place, shape: Shape, low: Value) -> None:
    """Copies of the rows `low` … active-1 of a step."""
    width = Count(product(shape))
    ends = rows_from(target, low), rows_from(source, low)
    if low == 0:
        out.do("copy", *ends, times(ACTIVE, width))
        return
    with out.when(less(low, ACTIVE)):
        out.do("copy", *ends, times(minus(ACTIVE, low), width))
