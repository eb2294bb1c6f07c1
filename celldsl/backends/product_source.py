"""GEMMs as calls.  In: products of a plan.  Out: lines that call the GEMMs of the runtime.

gemm(active, 3*d_H, d_H, lane(tape, …), d_H, 1, lane(fixed, …), …, lane(work, …), 3*d_H, 1)
"""

from __future__ import annotations

from celldsl.backends.body_text import index_code
from celldsl.backends.spelling import array_name, factor_code, size_code
from celldsl.backends.stage_source import pointer_code
from celldsl.ir.size import Size
from celldsl.plan.gemms import Combine, Gemm, Pack, Repeat
from celldsl.plan.places import Place

ZERO = Size.of(0)


def lane_of(place: Place, low: str = "0", extra: list[str] | None = None) -> str:
    pointer = pointer_code(place, _row(place, low))
    return f"lane({array_name(place.array)}, {' + '.join([pointer, *(extra or [])])}, -1)"


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
    return f"lane({array_name(place.array)}, {at}, -1), {size_code(strides[-1])}"
