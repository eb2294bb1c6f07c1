"""Phases as functions.  In: a phase of a plan.  Out: the text of its function and of its stages.

def forward_steps(part, parts, rows, dims, …):
    for t in range(n_steps):
        gemm(…)                     pre += h @ W
        step_1(0, active, …)        the gates
"""

from __future__ import annotations

from dataclasses import dataclass, field

from celldsl.backends.nest_source import index_code
from celldsl.backends.spelling import array_name, factor_code, size_code
from celldsl.backends.stage_source import (
    base_name,
    pointer_code,
    prelude,
    stage_arrays,
    touches,
    write_stage,
)
from celldsl.ir.size import Shape, Size, product
from celldsl.plan.plan import (
    Combine,
    Gemm,
    GemmRows,
    Pack,
    Phase,
    Place,
    Repeat,
    RowLoops,
    Stage,
    StateCopy,
)

ZERO = Size.of(0)
COMMON = "part, parts, rows, dims, hyper, parameters, constants, fixed, tape, work"


@dataclass(slots=True)
class Writer:
    """Collects the functions of one direction."""

    direction: str
    dims: tuple[str, ...]
    hypers: dict[str, int]
    names: dict[str, str]
    arguments: str
    bases: dict[str, Size]
    functions: list[str] = field(default_factory=list)
    count: int = 0

    def phase(self, name: str, phase: Phase) -> str:
        """The function of a phase, with its stages before it; returns its name."""
        body = {"once": self._once, "rows": self._rows, "steps": self._steps}[phase.kind](phase)
        code = "\n".join(body)
        lines = [
            "@kernel",
            f"def {name}({self.arguments}):",
            *prelude(code, self.dims, self.bases),
            *body,
        ]
        self.functions.append("\n".join(lines) + "\n")
        return name

    # ------------------------------------------------------------ kinds of phases

    def _once(self, phase: Phase) -> list[str]:
        found: list[str] = []
        for stage in phase.stages:
            found += self._stage(stage, "1", "0", depth=1)
        return found or ["    return"]

    def _rows(self, phase: Phase) -> list[str]:
        lines = _zeroed(phase)
        row_stages = [s for s in phase.stages if isinstance(s, RowLoops | Gemm)]
        if row_stages:
            lines += [
                "    low = n_rows * part // parts",
                "    high = n_rows * (part + 1) // parts",
            ]
        for stage in phase.stages:
            lines += self._stage(stage, "high", "low", depth=1)
        return lines

    def _steps(self, phase: Phase) -> list[str]:
        lines = ["    n_steps, first, count = rows[0], rows[4], rows[5]"]
        lines += _zeroed(phase)
        for stage in phase.prologue:
            lines += self._stage(stage, "count", "0", depth=1, row="0")
        for state in phase.states:
            lines += _bring_in(state)
        backwards = "n_steps - 1, -1, -1" if phase.reverse else "n_steps"
        lines += [
            f"    for t in range({backwards}):",
            "        at = 8 + 4 * t",
            "        row, active, state, saved = rows[at], rows[at + 1], rows[at + 2], rows[at + 3]",
            "        staying, coming = rows[at + 5], rows[at + 6]",
        ]
        for stage in phase.stages:
            lines += self._step_stage(stage)
        for source, target, shape in phase.moves:
            lines.append(_copy_rows("active", source, target, shape, 2))
        if phase.epilogue:
            lines.append("    if rows[6] == 0:")
            for stage in phase.epilogue:
                lines += self._stage(stage, "count", "0", depth=2, row="0")
        for state in phase.states:
            lines.append(_take_out(state))
        return lines

    def _step_stage(self, stage: Stage) -> list[str]:
        """Rows whose sequence goes on write their state for the next step, others the final."""
        if not _touches_next(stage):
            return self._stage(stage, "active", "0", depth=2, row="row")
        going = self._stage(stage, "staying", "0", depth=2, row="row")
        function = self.count
        ending = self._stage(stage, "active", "staying", depth=3, row="row", again=function)
        ending = [line.replace("coming", "n_states + first") for line in ending]
        return [*going, "        if staying < active:", *ending]

    # ------------------------------------------------------------ stages

    def _stage(
        self, stage: Stage, high: str, low: str, depth: int, row: str = "0", again: int = 0
    ) -> list[str]:
        indent = "    " * depth
        match stage:
            case RowLoops():
                return [indent + self._call(stage, low, high, row, again)]
            case Gemm():
                return _gemm(stage, low, high, depth)
            case GemmRows():
                return _gemm_rows(stage, depth)
            case Pack():
                return _pack(stage, depth)
            case Combine():
                return _combine(stage, depth)

    def _call(self, stage: RowLoops, low: str, high: str, row: str, again: int) -> str:
        in_loop = row == "row"
        if not again:
            self.count += 1
            name = f"{self.direction}_{self.count}"
            self.functions.append(
                write_stage(name, stage, self.dims, self.names, self.hypers, self.bases)
            )
        name = f"{self.direction}_{again or self.count}"
        first = "first" if in_loop or high == "count" else "0"
        where = "row, saved, state, coming" if in_loop else "0, 0, 0, 0"
        arrays = ", ".join(["rows", "dims", "hyper", "parameters", *stage_arrays(stage)])
        return f"{name}({low}, {high}, {'t' if in_loop else '-1'}, part, parts, {first}, {where}, {arrays})"


def _touches_next(stage: Stage) -> bool:
    match stage:
        case RowLoops(nests):
            return touches(nests, "next")
        case Gemm():
            return stage.out.rows == "next" or stage.left.rows == "next"
    return False


def _lane(place: Place, low: str = "0", extra: list[str] | None = None) -> str:
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


def _loops(loops: tuple[Repeat, ...], depth: int, prefix: str = "g") -> tuple[list[str], int]:
    lines = []
    for i, loop in enumerate(loops):
        lines.append("    " * depth + f"for {prefix}{i} in range({size_code(loop.size)}):")
        depth += 1
    return lines, depth


def _moves(loops: tuple[Repeat, ...], side: str, prefix: str = "g") -> list[str]:
    return [
        f"{prefix}{i} * {factor_code(getattr(loop, side))}"
        for i, loop in enumerate(loops)
        if getattr(loop, side) != ZERO
    ]


def _gemm(stage: Gemm, low: str, high: str, depth: int) -> list[str]:
    lines, inner = _loops(stage.repeats, depth)
    left = _lane(stage.left, low, _moves(stage.repeats, "left"))
    packed = _lane(stage.packed, "0", _moves(stage.repeats, "right"))
    out = _lane(stage.out, low, _moves(stage.repeats, "out"))
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


def _gemm_rows(stage: GemmRows, depth: int) -> list[str]:
    """Parts share the columns of the result, in whole panels."""
    lines, inner = _loops(stage.repeats, depth)
    pad = "    " * inner
    n = factor_code(stage.n)
    lines += [
        f"{pad}# {stage.out.name or 'out'} = {stage.left.name}^T @ {stage.right.name}",
        f"{pad}panels = ({n} + panel_width(work) - 1) // panel_width(work)",
        f"{pad}from_column = panels * part // parts * panel_width(work)",
        f"{pad}to_column = min({n}, panels * (part + 1) // parts * panel_width(work))",
    ]
    more, innermost = _loops(stage.sums, inner, "s")
    lines += more
    moves = {
        side: _moves(stage.repeats, side) + _moves(stage.sums, side, "s")
        for side in ("left", "right", "out")
    }
    adding = " + ".join(f"s{i}" for i in range(len(stage.sums))) or "0"
    accumulate = "0" if adding == "0" else f"({adding}) > 0"
    left = _whole(stage.left, moves["left"])
    right = _whole(stage.right, [*moves["right"], "from_column"])
    out = _whole(stage.out, [*moves["out"], "from_column"])
    scratch = _lane(stage.scratch)
    lines.append("    " * innermost + (
        f"gemm_rows(n_rows, {size_code(stage.m)}, to_column - from_column, {left}, "
        f"{size_code(stage.left.width)}, {right}, {size_code(stage.right.width)}, {out}, "
        f"{size_code(stage.out_stride)}, {scratch}, {accumulate})"
    ))  # fmt: skip
    return lines


def _whole(place: Place, extra: list[str]) -> str:
    """A buffer from its first row."""
    return f"lane({array_name(place.array)}, {' + '.join([pointer_code(place, '0'), *extra])}, -1)"


def _pack(stage: Pack, depth: int) -> list[str]:
    lines, inner = _loops(stage.repeats, depth)
    weight = _lane(stage.weight, "0", _moves(stage.repeats, "left"))
    packed = _lane(stage.packed, "0", _moves(stage.repeats, "right"))
    return [*lines, "    " * inner + (
        f"pack({size_code(stage.k)}, {size_code(stage.n)}, {weight}, {size_code(stage.k_stride)}, "
        f"{size_code(stage.n_stride)}, {packed})"
    )]  # fmt: skip


def _combine(stage: Combine, depth: int) -> list[str]:
    pad = "    " * depth
    indices = [f"j{i}" for i in range(len(stage.shape))]
    lines = []
    for name, size in zip(indices, stage.shape, strict=True):
        lines.append("    " * depth + f"for {name} in range({size_code(size)}):")
        depth += 1
    out = pointer_code(stage.out)
    inner = "    " * depth
    source = array_name(stage.source.array)
    target = f"{array_name(stage.out.array)}[{out} + {index_code(stage.out.strides, indices)}]"
    element = index_code(stage.source.strides, indices)
    start = pointer_code(stage.source, "0")
    width = factor_code(stage.source.width)
    return [
        f"{pad}# the sum over parts",
        *lines,
        f"{inner}total = real(parameters, 0.0)",
        f"{inner}for p in range(parts):",
        f"{inner}    total += {source}[{start} + p * {width} + {element}]",
        f"{inner}{target} = total",
    ]


def _zeroed(phase: Phase) -> list[str]:
    lines = []
    for place, shape in phase.zeroed:
        array, length = array_name(place.array), size_code(product(shape))
        lines.append(f"    fill(lane({array}, {pointer_code(place)}, -1), {length}, 0.0)")
    return lines


def _bring_in(state: StateCopy) -> list[str]:
    """The caller's start states, or those of the cell, to where the first step reads them."""
    inside, width = state.inside, size_code(product(state.shape))
    source = array_name(state.start_array)
    if inside.rows == "batch":
        return [
            "    for b in range(count):",
            f"        copy({_lane(inside, 'b')}, {_given(source, inside)}, {width})",
        ]
    target = f"lane(tape, {_start_row(inside)}, -1)"
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
    return f"lane({array}, (first + b) * {factor_code(inside.width)}, -1)"


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


def _take_out(state: StateCopy) -> str:
    """The final states, to the caller's array."""
    inside, width = state.inside, factor_code(product(state.shape))
    target = array_name(state.final_array)
    base = "" if size_code(inside.base) == "0" else f"{base_name(inside)} + "
    row = "first" if inside.rows == "batch" else "(n_states + first)"
    array = array_name(inside.array)
    return (
        f"    copy(lane({target}, first * {width}, -1), "
        f"lane({array}, {base}{row} * {width}, -1), count * {width})"
    )


def _copy_rows(count: str, source: Place, target: Place, shape: Shape, depth: int) -> str:
    width = factor_code(product(shape))
    return "    " * depth + f"copy({_lane(target)}, {_lane(source)}, {count} * {width})"
