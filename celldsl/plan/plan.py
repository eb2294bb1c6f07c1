"""What is executed.  In: nothing.  Out: the records of a Plan.

A plan is a list of phases; a phase is a list of stages; a stage runs over some rows and is either
one GEMM or a list of loop nests that are run row by row, so that what passes between them stays in
the nearest cache.

    phase steps
      gemm   pre[n, 3*H] += h[n, H] @ r_u.W_h|c.W_h
      rows   r = sigmoid(pre[0:H] + b_r) …           one nest over [H]

Every value that outlives its nest has a `Place`: an array that the kernels are given, where its
buffer begins there, which row of it, and the strides of its axes.
"""

from __future__ import annotations

from typing import Literal

from celldsl.ir.program import Origin
from celldsl.ir.size import Shape, Size
from celldsl.record import field, record

RowKind = Literal["once", "batch", "part", "row", "saved", "state", "next"]

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


@record
class Statement:
    """`value = op(operands…)` for every index of the nest, and where it is kept."""

    value: str
    op: str
    operands: tuple[Operand, ...]
    stores: tuple[Store, ...]
    attributes: tuple[tuple[str, object], ...] = ()
    boolean: bool = False
    origin: Origin | None = None


@record
class Loop:
    """Statements over every index of `domain`; reductions among them are complete after it."""

    domain: Shape
    statements: tuple[Statement, ...]


@record
class Contract:
    """An einsum of two values of the row: out = or += left * right over all labels."""

    spec: str
    sizes: tuple[tuple[str, Size], ...]
    left: Memory
    right: Memory
    stores: tuple[Store, ...]
    origin: Origin | None = None


@record
class Scan:
    """A running sum or product along `axis`."""

    op: str
    domain: Shape
    axis: int
    reverse: bool
    source: Memory
    store: Store
    origin: Origin | None = None


@record
class Fold:
    """The adjoint of `window`: adds every element to where it was seen."""

    domain: Shape
    kernel: tuple[int, ...]
    source: Memory
    store: Store
    origin: Origin | None = None


Nest = Loop | Contract | Scan | Fold


@record
class Repeat:
    """A GEMM is run for each index below `size`; the operands advance by these strides."""

    size: Size
    left: Size
    right: Size
    out: Size


@record
class Gemm:
    """out[row, n] = or += left[row, k] @ right[k, n] for the rows of the stage.

    `right` is packed: `packed` is its place; one packed matrix for each index of the repeats that
    moves the weight.
    """

    left: Place
    left_stride: Size
    packed: Place
    out: Place
    n: Size
    k: Size
    accumulate: bool
    repeats: tuple[Repeat, ...] = ()
    origin: Origin | None = None


@record
class RowSum:
    """out[m, n] = sum over all rows of left[row, m] * right[row, n].

    Where parts share the rows, the first writes to `out` and each other to a row of `shares`,
    which has the axes of the repeats, m and n.
    """

    left: Place
    out: Place
    shares: Place
    out_stride: Size
    m: Size
    n: Size
    origin: Origin | None = None


@record
class GemmRows:
    """Sums over all rows, with the same right operand, which is packed once for all.

    `n` is that of the widest; `panels` and `strips` are scratch.  Where there are `repeats` or
    `sums` there is one product.
    """

    right: Place
    n: Size
    products: tuple[RowSum, ...]
    panels: Place
    strips: Place
    repeats: tuple[Repeat, ...] = ()
    sums: tuple[Repeat, ...] = ()


@record
class AddShares:
    """out += what the other parts have, where parts shared the rows of a product."""

    product: RowSum
    repeats: tuple[Repeat, ...] = ()


@record
class Pack:
    """packed = the weight [k, n] in panels; `repeats` as in the GEMM."""

    weight: Place
    k_stride: Size
    n_stride: Size
    packed: Place
    k: Size
    n: Size
    repeats: tuple[Repeat, ...] = ()


@record
class Combine:
    """out = the sum over the parts of an accumulator."""

    source: Place
    out: Place
    shape: Shape


@record
class RowLoops:
    """Nests that are run for every row."""

    nests: tuple[Nest, ...]


Stage = RowLoops | Gemm | GemmRows | AddShares | Pack | Combine


@record
class StateCopy:
    """How a state comes into the loop and leaves it.

    `array` is the argument with the caller's start (B rows), `start` the value used where the
    caller gave none (None: zeros), `final` the argument that gets the last.
    """

    name: str
    start_array: str
    start: Memory | None
    inside: Place
    final_array: str
    shape: Shape


@record
class Phase:
    """Kinds and `waits` as `celldsl.runtime.description` says.

    `prologue` and `epilogue` run once for the sequences of a part, around the time loop; `moves`
    are copies at the end of every step, from place to place.
    """

    kind: Literal["once", "rows", "parts", "steps"]
    stages: tuple[Stage, ...]
    prologue: tuple[Stage, ...] = ()
    epilogue: tuple[Stage, ...] = ()
    states: tuple[StateCopy, ...] = ()
    moves: tuple[tuple[Place, Place, Shape], ...] = ()
    zeroed: tuple[tuple[Place, Shape], ...] = ()
    reverse: bool = False
    waits: bool = True


@record
class Block:
    """A parameter or const in its flat array."""

    name: str
    shape: Shape
    place: Place


@record
class Plan:
    """Both directions of a cell, and how long the flat arrays are."""

    parameters: tuple[Block, ...]
    constants: tuple[Block, ...]
    forward: tuple[Phase, ...]
    backward: tuple[Phase, ...]
    lengths: dict[str, Size]

    @property
    def has_gemm(self) -> bool:
        stages = [stage for phase in (*self.forward, *self.backward) for stage in phase.stages]
        return any(isinstance(stage, Gemm | GemmRows | Pack) for stage in stages)
