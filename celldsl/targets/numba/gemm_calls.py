"""GEMMs and sums over rows as calls of compiled products.

GEMMs as calls.  In: products of a plan.  Out: lines that call the GEMMs of the runtime.

gemm(active, 3*d_H, d_H, pointer(tape, …), d_H, 1, pointer(fixed, …), …, pointer(work, …), 3*d_H, 1)

Sums over rows as calls.  In: GemmRows and AddShares of a plan.  Out: lines of their phases.

    for chunk in range(chunks):
        low = from_row + (to_row - from_row) * chunk // chunks
        depth = …
        pack(depth, 3*d_H, pointer(work, at_dz + low * (3*d_H), -1), 3*d_H, 1, panels)
        gemm_sums(depth, d_I, 3*d_H, pointer(in_x, low * d_I, -1), d_I, panels, micro-panels,
        sum_1, …)

Parts share the rows, or where there are few of them the columns.
"""

from __future__ import annotations

from celldsl.ir.size import Size
from celldsl.plan.operations import AddShares, Combine, Gemm, GemmRows, Pack, Repeat, RowSum
from celldsl.plan.places import Place
from celldsl.plan.plan import Phase
from celldsl.targets.numba.body import index_code
from celldsl.targets.numba.spelling import array_name, factor_code, size_code
from celldsl.targets.numba.stages import pointer_code

ZERO = Size.of(0)


def lane_of(place: Place, low: str = "0", extra: list[str] | None = None) -> str:
    pointer = pointer_code(place, _row(place, low))
    return f"pointer({array_name(place.array)}, {' + '.join([pointer, *(extra or [])])}, -1)"


def _row(place: Place, low: str) -> str | None:
    """The first row that a GEMM works on."""
    base = {
        "batch": "first",
        "part": "part",
        "row": "row",
        "saved": "saved",
        "state": "state",
        "next": "coming",
    }
    if place.rows == "once":
        return None
    name = base[place.rows]
    if place.rows == "row" and low == "low":
        return "low"
    return name if low == "0" or place.rows == "part" else f"{name} + {low}"


def loop_lines(loops: tuple[Repeat, ...], depth: int, prefix: str = "g") -> tuple[list[str], int]:
    lines = []
    for i, loop in enumerate(loops):
        lines.append("    " * depth + f"for {prefix}{i} in range({size_code(loop.size)}):")
        depth += 1
    return lines, depth


def moves(loops: tuple[Repeat, ...], side: str, prefix: str = "g") -> list[str]:
    return [
        f"{prefix}{i} * {factor_code(getattr(loop, side))}"
        for i, loop in enumerate(loops)
        if getattr(loop, side) != ZERO
    ]


def gemm_lines(stage: Gemm, low: str, high: str, depth: int) -> list[str]:
    lines, inner = loop_lines(stage.repeats, depth)
    left = lane_of(stage.left, low, moves(stage.repeats, "left"))
    packed = lane_of(stage.packed, "0", moves(stage.repeats, "right"))
    out = lane_of(stage.out, low, moves(stage.repeats, "out"))
    count = high if low == "0" else f"{high} - {low}"
    k, n = factor_code(stage.k), size_code(stage.n)
    sign = "+=" if stage.accumulate else "="
    note = f"# {stage.out.name or 'out'} {sign} {stage.left.name} @ {stage.packed.name}"
    call = (
        f"gemm({count}, {n}, {size_code(stage.k)}, {left}, {size_code(stage.left.width)}, "
        f"{size_code(stage.left_stride)}, {packed}, {k} * panel_width(work), panel_width(work), "
        f"{out}, {size_code(stage.out.width)}, {int(stage.accumulate)})"
    )
    return [*lines, "    " * inner + note, "    " * inner + call]


def pack_lines(stage: Pack, depth: int) -> list[str]:
    lines, inner = loop_lines(stage.repeats, depth)
    weight = lane_of(stage.weight, "0", moves(stage.repeats, "left"))
    packed = lane_of(stage.packed, "0", moves(stage.repeats, "right"))
    return [*lines, "    " * inner + (
        f"pack({size_code(stage.k)}, {size_code(stage.n)}, {weight}, {size_code(stage.k_stride)}, "
        f"{size_code(stage.n_stride)}, {packed})"
    )]  # fmt: skip


def combine_lines(stage: Combine, depth: int) -> list[str]:
    """The sum over parts, along the last axis by one call."""
    *outer, count = stage.shape or (Size.of(1),)
    indices = [f"j{i}" for i in range(len(outer))]
    lines = []
    for name, size in zip(indices, outer, strict=True):
        lines.append("    " * depth + f"for {name} in range({size_code(size)}):")
        depth += 1
    ends = [_along_last(place, indices) for place in (stage.source, stage.out)]
    width = factor_code(stage.source.width)
    call = f"add_parts({size_code(count)}, parts, {width}, {', '.join(ends)})"
    return [*lines, "    " * depth + call]


def _along_last(place: Place, indices: list[str]) -> str:
    """Where the last axis begins, and the step along it."""
    strides = place.strides or (Size.of(1),)
    start = pointer_code(place, None if place.rows == "once" else "0")
    terms = [term for term in (start, index_code(strides[:-1], indices)) if term != "0"]
    at = " + ".join(terms) or "0"
    return f"pointer({array_name(place.array)}, {at}, -1), {size_code(strides[-1])}"


SPLIT = "    split = sum_split(parts, n_rows)"
OWN_ROWS = """\
    band, bands = part // split, parts // split
    from_row = n_rows * (part % split) // split
    to_row = n_rows * (part % split + 1) // split
    chunks = sum_chunks(to_row - from_row)"""
OWN_COLUMNS = """\
tiles = ({n} + panel_width(work) - 1) // panel_width(work)
from_column = tiles * band // bands * panel_width(work)
to_column = min({n}, tiles * (band + 1) // bands * panel_width(work))"""
CHUNK = """\
for chunk in range(chunks * share // shares, chunks * (share + 1) // shares):
    low = from_row + (to_row - from_row) * chunk // chunks
    depth = from_row + (to_row - from_row) * (chunk + 1) // chunks - low"""


def shares_lines(phase: Phase) -> list[str]:
    """What all sums of a phase ask for first: which rows, and which band of the columns, are the
    part's own."""
    kinds = {type(stage) for stage in phase.stages}
    own_rows = OWN_ROWS.splitlines() if GemmRows in kinds else []
    return [SPLIT, *own_rows] if kinds & {GemmRows, AddShares} else []


def row_sum_lines(stage: GemmRows, depth: int) -> list[str]:
    lines, depth = loop_lines(stage.repeats, depth)
    scratch = f"panels, strips = {lane_of(stage.panels)}, {lane_of(stage.micro_panels)}"
    lines += _indented(f"{OWN_COLUMNS.format(n=factor_code(stage.n))}\n{scratch}", depth)
    for number, one in enumerate(stage.products):
        lines += _indented(_target(stage, one, number), depth)
    more, depth = loop_lines(stage.sums, depth, "s")
    lines += [*more, *_indented(CHUNK, depth)]
    lines += _indented(_chunk(stage), depth + 1)
    return lines


def _indented(text: str, depth: int) -> list[str]:
    return ["    " * depth + line for line in text.splitlines()]


def _target(stage: GemmRows, one: RowSum, number: int) -> str:
    """Where a product goes: to its place, or to the part's share of it."""
    note = f"# {one.out.name or 'out'} = {one.left.name}^T @ {stage.right.name}"
    into = f"sum_{number}, step_{number}"
    place = _lane(one.out, [*moves(stage.repeats, "out"), "from_column"])
    shares = _lane(one.shares, [*_inside(one), "from_column"], "part % split - 1")
    return (
        f"{note}\n{into} = {place}, {size_code(one.out_stride)}\n"
        f"if from_row > 0:\n    {into} = {shares}, {size_code(one.n)}"
    )


def _inside(one: RowSum) -> list[str]:
    """How far into a share the indices of the repeats are."""
    return [f"g{i} * {factor_code(s)}" for i, s in enumerate(one.shares.strides[:-2])]


def _chunk(stage: GemmRows) -> str:
    """The products of the rows from `low` on."""
    adding = " + ".join([*(f"s{i}" for i in range(len(stage.sums))), "chunk"])
    right = _rows(stage.right, [*_both(stage, "right"), "from_column"])
    width = size_code(stage.right.width)
    lines = [f"pack(depth, to_column - from_column, {right}, {width}, 1, panels)"]
    for number, one in enumerate(stage.products):
        columns = "to_column - from_column"
        if one.n != stage.n:
            columns = f"max(0, min(to_column, {size_code(one.n)}) - from_column)"
        left = _rows(one.left, _both(stage, "left"))
        lines.append(
            f"gemm_sums(depth, {size_code(one.m)}, {columns}, {left}, "
            f"{size_code(one.left.width)}, panels, strips, sum_{number}, step_{number}, "
            f"{adding} > 0)"
        )
    return "\n".join(lines)


def _both(stage: GemmRows, side: str) -> list[str]:
    return moves(stage.repeats, side) + moves(stage.sums, side, "s")


def _rows(place: Place, extra: list[str]) -> str:
    """A buffer from the first row of the chunk on."""
    return _lane(place, extra, "low")


def _lane(place: Place, extra: list[str], row: str | None = None) -> str:
    at = pointer_code(place, None if place.rows == "once" else row or "0")
    return f"pointer({array_name(place.array)}, {' + '.join([at, *extra])}, -1)"


def add_lines(stage: AddShares, depth: int) -> list[str]:
    """Each part adds some rows of the product."""
    one = stage.product
    lines, depth = loop_lines(stage.repeats, depth)
    n, m = factor_code(one.n), factor_code(one.m)
    source = _lane(one.shares, [*_inside(one), f"i * {n}"])
    out = _lane(one.out, [*moves(stage.repeats, "out"), f"i * {factor_code(one.out_stride)}"])
    width = size_code(one.shares.width)
    return [*lines, *_indented(
        f"for i in range({m} * part // parts, {m} * (part + 1) // parts):\n"
        f"    add_shares({size_code(one.n)}, split - 1, {width}, {source}, {out})", depth
    )]  # fmt: skip
