"""Functions for row work.  In: the nests of a stage.  Out: the text of one compiled function.

    @stage
    def step_1(low, high, …):
        \"\"\"c' = f * c + i * g;  h' = o * tanh(c')\"\"\"
        for b in range(low, high):
            m_c = pointer(tape, at_c + (state + b) * d_H, 0)
            …

A pointer is a pointer to a value of the row.  Pointers that are known to be apart get different
scopes,
so that LLVM vectorises the loops without checking at run time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from celldsl.ir.size import Size
from celldsl.plan.layout import word_of
from celldsl.plan.operations import Contract, Fold, Loop, Nest, Scan
from celldsl.plan.places import Memory, Place
from celldsl.plan.plan import RowLoops
from celldsl.structs import entity, field, values_of
from celldsl.targets.numba.body import Text, collapse
from celldsl.targets.numba.loop_nests import mask_keys, write_nest
from celldsl.targets.numba.spelling import array_name, factor_code, size_code

ROW_CODE = {
    "batch": "first + b",
    "part": "part",
    "row": "row + b",
    "saved": "saved + b",
    "state": "state + b",
    "next": "coming + b",
}
FIXED_ROWS = ("once", "part")
# Arguments of every stage; arrays follow.
STAGE_ARGUMENTS = (
    "low, high, t, part, parts, first, row, saved, state, coming, rows, dims, hyper, parameters"
)
MOST_SCOPES = 64
_WORD = re.compile(r"\w+")
BufferKey = tuple[str, object, str]
LaneKey = tuple[str, object, str, object, object, int]


@entity
class Lanes:
    """The pointers of a stage: names and scopes of its places."""

    names: dict[str, str]
    scopes: dict[tuple[BufferKey, int], int]
    merged: set[BufferKey]
    made: dict[LaneKey, tuple[str, Place]] = field(default_factory=dict)

    def __call__(self, place: Place) -> str:
        key = (place.array, place.base, place.rows, place.width, place.offset, place.slot)
        if key not in self.made:
            self.made[key] = (self._fresh(place), place)
        return self.made[key][0]

    def _fresh(self, place: Place) -> str:
        taken = {name for name, _ in self.made.values()}
        base = lane_name(place, self.names)
        name, number = base, 2
        while name in taken:
            name, number = f"{base}_{number}", number + 1
        return name

    def scope(self, place: Place) -> int:
        buffer = _buffer(place)
        slot = -1 if buffer in self.merged else place.slot
        number = self.scopes.setdefault((buffer, slot), len(self.scopes))
        return number if number < MOST_SCOPES else -1


def lane_name(place: Place, names: dict[str, str]) -> str:
    value = names.get(f"%{place.name}")
    plain = value.removeprefix("v_") if value else re.sub(r"\W+", "_", place.name).strip("_")
    suffix = "_next" if place.name.endswith("'") else ""
    return f"m_{plain or 'x'}{suffix}"


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


def stage_arrays(stage: RowLoops) -> list[str]:
    """The arrays of a stage by their names in the code, without `parameters`."""
    reads, writes = accesses(stage.nests)
    found = dict.fromkeys(array_name(place.array) for place in (*reads, *writes))
    return [name for name in found if name != "parameters"]


def write_stage(
    name: str, stage: RowLoops, dims: tuple[str, ...], names: dict[str, str],
    hypers: dict[str, int], bases: dict[str, Size],
) -> str:  # fmt: skip
    """The text of the function that runs a stage for rows low … high-1."""
    nests = tuple(collapse(nest) if isinstance(nest, Loop) else nest for nest in stage.nests)
    pointers = Lanes(names, {}, merged_buffers(nests))
    text = Text(pointers, names, hypers, depth=2)
    for nest in nests:
        write_nest(text, nest)
    still = [item for item in pointers.made.values() if item[1].rows in FIXED_ROWS]
    moving = [item for item in pointers.made.values() if item[1].rows not in FIXED_ROWS]
    body = "\n".join(text.lines)
    code = [
        *(f"    {code}" for code in _constants(text, body)),
        *(f"    {lane_code(label, place, pointers.scope(place))}" for label, place in still),
        "    for b in range(low, high):",
        *(f"        {lane_code(label, place, pointers.scope(place))}" for label, place in moving),
        *(f"        {line}" for line in mask_keys(text)),
        body,
    ]
    if text.keys:
        code.insert(0, f"    resting = hyper[{len(hypers)}] == 0.0")
    lines = [
        "@stage",
        f"def {name}({', '.join([STAGE_ARGUMENTS, *stage_arrays(stage)])}):",
        *prelude("\n".join(code), dims, bases),
        *code,
    ]
    return "\n".join(lines) + "\n"


def _constants(text: Text, body: str) -> list[str]:
    named = {"zero": 0.0, "one": 1.0, **{name: value for value, name in text.constants.items()}}
    found = []
    for name, value in named.items():
        if re.search(rf"\b{name}\b", body):
            number = f"np.{value}" if value in (float("inf"),) else repr(value)
            number = "-np.inf" if value == float("-inf") else number
            found.append(f"{name} = real(parameters, {number})")
    for name, word in text.asked.items():
        found.append(f"{word} = real(parameters, hyper[{text.hypers[name]}])")
    return found


def lane_code(label: str, place: Place, scope: int) -> str:
    return f"{label} = pointer({array_name(place.array)}, {pointer_code(place)}, {scope})"


def pointer_code(place: Place, row: str | None = None) -> str:
    """The element at which a row of a place begins, the offset of the value included.

    `row` is the code of the row; by default that of row b of the stage.
    """
    terms = [] if size_code(place.base) == "0" else [base_name(place)]
    if place.rows != "once":
        at = row if row is not None else ROW_CODE[place.rows]
        at = at if re.fullmatch(r"\w+", at) else f"({at})"
        width = factor_code(place.width)
        terms += [] if at == "0" else [at if width == "1" else f"{at} * {width}"]
    if size_code(place.offset) != "0":
        terms.append(size_code(place.offset))
    return " + ".join(terms) or "0"


def base_name(place: Place) -> str:
    """What the code calls the element at which a buffer begins in its array."""
    return f"at_{word_of(place.name)}"


def all_bases(value: object) -> dict[str, Size]:
    """The beginnings of all buffers that a plan, or a part of one, mentions."""
    match value:
        case Place():
            return {base_name(value): value.base}
        case tuple():
            return {k: base for item in value for k, base in all_bases(item).items()}
        case Size():
            return {}
    found = map(all_bases, values_of(value))
    return {name: base for bases in found for name, base in bases.items()}


def prelude(code: str, dims: tuple[str, ...], bases: dict[str, Size]) -> list[str]:
    """Names for the sizes and for the beginnings of buffers that the code below uses."""
    lines = []
    words = set(_WORD.findall(code))
    begin = [f"    {name} = {size_code(base)}" for name, base in bases.items() if name in words]
    words.update(_WORD.findall("\n".join(begin)))
    for index, dim in enumerate(dims):
        if f"d_{dim}" in words:
            lines.append(f"    d_{dim} = dims[{index}]")
    extents = {
        "n_batch": "rows[1]",
        "n_rows": "rows[2]",
        "n_states": "rows[3]",
        "n_kept": "rows[2] if rows[7] else rows[1]",
    }
    for name, source in extents.items():
        if name in words:
            lines.append(f"    {name} = {source}")
    return lines + begin
