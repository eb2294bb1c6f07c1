"""Where places begin, row by row.  In: a Place and a row.  Out: whole numbers and pointers.

place_at(place, row)                 at_r + (saved + b) * d_H
row_of(place, Name("b"))             saved + b
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from celldsl.ir.size import Shape
from celldsl.kernel_ir.statements import (
    ZERO,
    Count,
    Load,
    Name,
    Pointer,
    Start,
    Value,
    Word,
    Writer,
    apply,
    plus,
    times,
)
from celldsl.plan.layout import word_of
from celldsl.plan.places import Place, RowKind

# The row of the first sequence that a stage works on, for each kind of rows.
FIRST_ROWS: dict[RowKind, Value] = {
    "batch": Name("first"),
    "part": Name("part"),
    "row": Name("row"),
    "saved": Name("saved"),
    "state": Name("state"),
    "next": Name("next_state"),
    "input": Name("row"),
    "result": Name("row"),
}
FIXED_ROWS = ("once", "part")
# Where `rows` has the index of such rows; 0 where they lie as they are numbered.
INDEX_WORDS: dict[RowKind, Word] = {"input": Word("input_index"), "result": Word("result_index")}


def row_of(place: Place, b: Value) -> Value:
    """The row of the place that belongs to sequence `b` of those that a step works on.

    One that an index finds is a variable (`find_row`).
    """
    if place.rows in INDEX_WORDS:
        return found_row(place.rows)
    first = FIRST_ROWS.get(place.rows, 0)
    return first if place.rows in FIXED_ROWS else plus(first, b)


def found_row(kind: RowKind) -> Name:
    return Name(f"{kind}_row")


def find_row(out: Writer, kind: RowKind, row: Value) -> Name:
    """A variable with the row of the caller's array that has number `row` here."""
    found, index = out.let(found_row(kind).id, row), INDEX_WORDS[kind]
    with out.when(apply("ne", index, 0)):
        out.assign(found, Load(Name("rows"), plus(index, found)))
    return found


def place_at(place: Place, row: Value) -> Value:
    """The element at which a row of a place begins, the offset of the value included."""
    start: Value = 0 if place.base == ZERO else Start(start_name(place), place.base)
    inside = 0 if place.rows == "once" else times(row, Count(place.width))
    return plus(start, inside, Count(place.offset))


def start_name(place: Place) -> str:
    return f"at_{word_of(place.name)}"


def pointer_to(place: Place, row: Value = 0, further: Iterable[Value] = ()) -> Pointer:
    """The address of a row of a place, `further` elements on."""
    return Pointer(place.array, plus(place_at(place, row), *further))


def element(strides: Shape, indices: Sequence[Value]) -> Value:
    """How far the element at these indices is from the first."""
    return plus(
        *(
            times(Count(stride), index)
            for stride, index in zip(strides, indices, strict=True)
            if stride != ZERO
        )
    )
