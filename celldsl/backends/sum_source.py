"""Sums over rows as calls.  In: GemmRows and AddShares of a plan.  Out: lines of their phases.

    for chunk in range(chunks):
        low = from_row + (to_row - from_row) * chunk // chunks
        depth = …
        pack(depth, 3*d_H, lane(work, at_dz + low * (3*d_H), -1), 3*d_H, 1, panels)
        gemm_sums(depth, d_I, 3*d_H, lane(in_x, low * d_I, -1), d_I, panels, strips, sum_1, …)

Parts share the rows, or where there are few of them the columns.
"""

from __future__ import annotations

from celldsl.backends.product_source import lane_of, loop_lines, moves
from celldsl.backends.spelling import array_name, factor_code, size_code
from celldsl.backends.stage_source import pointer_code
from celldsl.plan.gemms import AddShares, GemmRows, RowSum
from celldsl.plan.places import Place
from celldsl.plan.plan import Phase

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
for chunk in range(chunks):
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
    scratch = f"panels, strips = {lane_of(stage.panels)}, {lane_of(stage.strips)}"
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
    return f"lane({array_name(place.array)}, {' + '.join([at, *extra])}, -1)"


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
