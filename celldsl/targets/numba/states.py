"""States around the time loop.  In: where states lie.  Out: lines that bring them in and out.

copy(pointer(tape, home * d_H, -1), pointer(start_h, (first + b) * d_H, -1), d_H)
"""

from __future__ import annotations

from celldsl.ir.size import Shape, product
from celldsl.plan.places import Place
from celldsl.plan.plan import StateCopy
from celldsl.targets.numba.body import index_code
from celldsl.targets.numba.gemm_calls import lane_of
from celldsl.targets.numba.spelling import array_name, factor_code, size_code
from celldsl.targets.numba.stages import base_name, pointer_code


def bring_in(state: StateCopy) -> list[str]:
    """The caller's start states, or those of the cell, to where the first step reads them."""
    inside, width = state.inside, size_code(product(state.shape))
    source = array_name(state.start_array)
    if inside.rows == "batch":
        return [
            "    for b in range(count):",
            f"        copy({lane_of(inside, 'b')}, {_given(source, inside)}, {width})",
        ]
    target = f"pointer(tape, {_start_row(inside)}, -1)"
    lines = [
        "    for b in range(count):",
        "        home = rows[10] + b if b < rows[9] else n_states + first + b",
        "        if rows[6]:",
        f"            copy({target}, {_given(source, inside)}, {width})",
        "        else:",
    ]
    if state.start is None:
        return [*lines, f"            fill({target}, {width}, 0.0)"]
    return [*lines, *_start_value(state)]


def _given(array: str, inside: Place) -> str:
    return f"pointer({array}, (first + b) * {factor_code(inside.width)}, -1)"


def _start_row(inside: Place) -> str:
    base = "" if size_code(inside.base) == "0" else f"{base_name(inside)} + "
    return f"{base}home * {factor_code(inside.width)}"


def _start_value(state: StateCopy) -> list[str]:
    assert state.start is not None
    place = state.start.place
    indices = [f"j{i}" for i in range(len(state.shape))]
    lines, depth = [], 3
    for name, size in zip(indices, state.shape, strict=True):
        lines.append("    " * depth + f"for {name} in range({size_code(size)}):")
        depth += 1
    to = index_code(state.inside.strides, indices)
    start = index_code(state.start.strides, indices)
    value = f"{array_name(place.array)}[{pointer_code(place)} + {start}]"
    return [*lines, "    " * depth + f"tape[{_start_row(state.inside)} + {to}] = {value}"]


def take_out(state: StateCopy) -> str:
    """The final states, to the caller's array."""
    inside, width = state.inside, factor_code(product(state.shape))
    target = array_name(state.final_array)
    base = "" if size_code(inside.base) == "0" else f"{base_name(inside)} + "
    row = "first" if inside.rows == "batch" else "(n_states + first)"
    array = array_name(inside.array)
    return (
        f"    copy(pointer({target}, first * {width}, -1), "
        f"pointer({array}, {base}{row} * {width}, -1), count * {width})"
    )


def copy_rows(source: Place, target: Place, shape: Shape, low: str, depth: int) -> list[str]:
    """Copies of the rows `low` … active-1 of a step."""
    width, indent = factor_code(product(shape)), "    " * depth
    if low == "0":
        return [f"{indent}copy({lane_of(target)}, {lane_of(source)}, active * {width})"]
    return [
        f"{indent}if {low} < active:",
        f"{indent}    copy({lane_of(target, low)}, {lane_of(source, low)}, "
        f"(active - {low}) * {width})",
    ]
