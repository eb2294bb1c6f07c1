"""Where values lie, and how stages name them.  In: nothing.  Out: records.

Every value that outlives its nest has a `Place`: an array that the kernels are given, where its
buffer begins there, which row of it, and the strides of its axes.
"""

from __future__ import annotations

from typing import Literal

from celldsl.ir.size import Shape, Size
from celldsl.structs import field, record

RowKind = Literal["once", "batch", "part", "row", "saved", "state", "next", "input", "result"]

# Sizes that are known at run time beside the dims; no dim can have such a name.
R, B, S, K, PARTS = (Size.dim(f"@{name}") for name in ("R", "B", "S", "K", "parts"))
ROW_COUNTS: dict[RowKind, Size] = {
    "once": Size.of(1),
    "batch": B,
    "part": PARTS,
    "row": R,
    "saved": K,
    "state": S + B,
    "next": S + B,
}


@record
class Place:
    """Where a value lies.

    array    the kernel argument that holds it (`tape`, `work`, `x`)
    base     the element of the array at which its buffer begins
    rows     which row of the buffer belongs to a sequence and step (`description.py`)
    width    elements from one row to the next
    offset   of the value within its row
    strides  of the value's axes, in elements
    slot     parts of one buffer with different slots do not overlap; -1: any part of it
    name     of the buffer, for readers
    """

    array: str
    base: Size
    rows: RowKind
    width: Size
    strides: Shape
    offset: Size = field(default_factory=lambda: Size.of(0))
    slot: int = -1
    name: str = ""


@record
class Number:
    value: float


@record
class Extent:
    """A size as a number."""

    size: Size


@record
class Hyper:
    """The run-time real hyperparameter of this name."""

    name: str


@record
class Register:
    """A value computed in the same nest, or a scalar of the same stage."""

    value: str


@record
class Memory:
    """An element of a place: `strides` are those along the axes of the nest."""

    place: Place
    strides: Shape
    boolean: bool = False


Operand = Number | Extent | Hyper | Register | Memory


@record
class Store:
    """`accumulate` adds to what is there."""

    place: Place
    strides: Shape
    accumulate: bool = False
