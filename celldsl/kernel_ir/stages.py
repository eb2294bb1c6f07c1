"""Functions for row work.  In: the nests of a stage.  Out: one function, and how it is called.

    def step_1(low, high, …):
        for b in range(low, high):
            m_c = pointer(tape, at_c + (state + b) * d_H, 0)
            …

A pointer is that to a value of the row.  Pointers that are known to be apart get different scopes,
so that LLVM vectorises the loops without checking at run time.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from celldsl.kernel_ir.free import Mentioned, mentioned
from celldsl.kernel_ir.nests import Row, collapse, write_loop
from celldsl.kernel_ir.places import FIXED_ROWS, INDEX_WORDS, find_row, place_at, row_of
from celldsl.kernel_ir.row_products import write_contract, write_fold, write_scan
from celldsl.kernel_ir.statements import (
    Assign,
    Call,
    For,
    Function,
    Load,
    Name,
    Pointer,
    Statement,
    Value,
    Writer,
    apply,
    plus,
)
from celldsl.plan.layout import word_of
from celldsl.plan.operations import Contract, Fold, Loop, Nest, Scan
from celldsl.plan.places import Memory, Place
from celldsl.plan.plan import RowLoops
from celldsl.structs import entity, field

MOST_SCOPES = 64
# What a stage may be given, in this order; the rows are those of a step.
ROWS = ("low", "high", "t", "part", "first", "row", "saved", "state", "next_state")
BufferKey = tuple[str, object, str]
PointerKey = tuple[str, object, str, object, object, int]
# For each mask: the step and the sequence that its numbers depend on.
MASK_ROWS: dict[str, tuple[Value, Value]] = {
    "step": (plus(Name("t"), Call("steps_before", (Name("rows"),))), Name("b")),
    "sequence": (-1, Name("b")),
    "parameter": (-1, -1),
}


@entity
class Pointers:
    """The pointers of a stage: names and scopes of its places.

    There may be more scopes than LLVM is told of: nests that stand apart have their own.
    """

    name: Naming
    merged: set[BufferKey]
    scopes: dict[tuple[BufferKey, int], int] = field(default_factory=dict)
    made: dict[PointerKey, tuple[Name, Place]] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def __call__(self, place: Place) -> Name:
        key = (place.array, place.base, place.rows, place.width, place.offset, place.slot)
        if key not in self.made:
            self.made[key] = (self._fresh(place), place)
        return self.made[key][0]

    def _fresh(self, place: Place) -> Name:
        base = self.name.pointer(place)
        name, number = base, 2
        while name in self.taken:
            name, number = f"{base}_{number}", number + 1
        self.taken.add(name)
        return Name(name)

    def scope(self, place: Place) -> int:
        buffer = _buffer(place)
        slot = -1 if buffer in self.merged else place.slot
        return self.scopes.setdefault((buffer, slot), len(self.scopes))

    def found_rows(self) -> list[Statement]:
        """The rows of the caller's arrays, where pointers need them."""
        out, kinds = Writer(), {place.rows for _, place in self.made.values()}
        for kind in INDEX_WORDS:
            if kind in kinds:
                find_row(out, kind, plus(Name("row"), Name("b")))
        return [*out.done()]

    def assignments(self, fixed: bool) -> list[Statement]:
        """Those that stay the same for all rows, or those that move with the row."""
        return [
            Assign(
                name,
                Pointer(place.array, place_at(place, row_of(place, Name("b"))), self.scope(place)),
            )
            for name, place in self.made.values()
            if (place.rows in FIXED_ROWS) == fixed
        ]


@entity
class Naming:
    """What values are called: `names` has those that equations give, without what begins them."""

    names: Mapping[str, str]
    given: dict[str, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def value(self, value: str) -> str:
        """The variable of a value, the same in all stages; no other value has it."""
        if value not in self.given:
            word = "v_" + (self.names.get(value) or re.sub(r"\W+", "_", value).strip("_"))
            while word in self.taken:
                word += "_"
            self.given[value] = word
            self.taken.add(word)
        return self.given[value]

    def pointer(self, place: Place) -> str:
        suffix = "_next" if place.name.endswith("'") else ""
        return f"m_{word_of(place.name) or 'x'}{suffix}"


def _buffer(place: Place) -> BufferKey:
    return place.array, place.base, place.rows


def accesses(nests: Iterable[Nest]) -> tuple[list[Place], list[Place]]:
    """The places that nests read and those that they write."""
    reads: list[Place] = []
    writes: list[Place] = []
    for nest in nests:
        match nest:
            case Loop():
                for s in nest.statements:
                    reads += [o.place for o in s.operands if isinstance(o, Memory)]
                    writes += [store.place for store in s.stores]
            case Contract():
                reads += [nest.left.place, nest.right.place]
                writes += [store.place for store in nest.stores]
            case Scan() | Fold():
                reads.append(nest.source.place)
                writes.append(nest.store.place)
    return reads, writes


def merged_buffers(nests: Iterable[Nest]) -> set[BufferKey]:
    """Buffers whose pointers may meet: something is written, and not all pointers are slots."""
    reads, writes = accesses(nests)
    written = {_buffer(place) for place in writes}
    whole = {_buffer(place) for place in (*reads, *writes) if place.slot < 0}
    return written & whole


def touches(nests: Iterable[Nest], rows: str) -> bool:
    reads, writes = accesses(nests)
    return any(place.rows == rows for place in (*reads, *writes))


def stage_function(name: str, stage: RowLoops, naming: Naming, settings: int) -> Function:
    """The function that runs a stage for rows low … high-1; `settings` run-time hypers precede
    what `hyper` says of masks."""
    nests = tuple(collapse(nest) if isinstance(nest, Loop) else nest for nest in stage.nests)
    pointers = Pointers(naming, merged_buffers(nests))
    row = Row(pointers, naming.value)
    for nest in nests:
        write_nest(row, nest)
    body = [
        *pointers.found_rows(),
        *pointers.assignments(fixed=False),
        *_mask_keys(row, settings),
        *row.out.done(),
    ]
    resting = Assign(Name("resting"), apply("eq", Load(Name("hyper"), settings), 0.0))
    code: tuple[Statement, ...] = (
        *([resting] if row.keys else []),
        *pointers.assignments(fixed=True),
        For(Name("b"), Name("low"), Name("high"), 1, tuple(body)),
    )
    return Function(name, "routine", arguments_of(mentioned(code)), code)


def write_nest(row: Row, nest: Nest) -> None:
    match nest:
        case Loop():
            write_loop(row, nest)
        case Contract():
            write_contract(row, nest)
        case Scan():
            write_scan(row, nest)
        case Fold():
            write_fold(row, nest)


def arguments_of(found: Mentioned, free: Collection[str] | None = None) -> tuple[str, ...]:
    """What a function must be given: rows, what tells sizes, and arrays.

    `free` are the names that it reads and has not assigned, if those are not all that it never
    assigns.
    """
    free = found.free if free is None else [name for name in found.names if name in free]
    counted = {"@R", "@B", "@S", "@K"} & found.dims
    needed = {
        "parts": "@parts" in found.dims,
        "rows": bool(found.words or counted),
        "dims": any(not dim.startswith("@") for dim in found.dims),
        "hyper": bool(found.settings),
        "parameters": bool(found.reals or found.settings or found.converts),
    }
    plumbing = [name for name, there in needed.items() if there or name in free]
    rows = [name for name in ROWS if name in free]
    return (*rows, *plumbing, *(n for n in free if n not in ROWS and n not in needed))


def _mask_keys(row: Row, settings: int) -> list[Statement]:
    """What must be known of each mask before the loops over a row."""
    return [
        Assign(
            Name(name),
            Call(
                "mask_key",
                (Load(Name("hyper"), settings + 1), Name("rows"), site, *MASK_ROWS[per]),
            ),
        )
        for (site, per), name in row.keys.items()
    ]
