"""Phases as functions.  In: a phase of a plan.  Out: the text of its function and of its stages.

def forward_steps(part, parts, share, shares, rows, dims, …):
    for t in range(n_steps):
        gemm(…)                     pre += h @ W
        step_1(0, active, …)        the gates
"""

from __future__ import annotations

from celldsl.ir.size import Size, product
from celldsl.plan.operations import AddShares, Combine, Gemm, GemmRows, Pack
from celldsl.plan.plan import Phase, RowLoops, Stage
from celldsl.structs import entity, field
from celldsl.targets.numba.gemm_calls import (
    add_lines,
    combine_lines,
    gemm_lines,
    pack_lines,
    row_sum_lines,
    shares_lines,
)
from celldsl.targets.numba.spelling import array_name, factor_code, size_code
from celldsl.targets.numba.stages import pointer_code, prelude, stage_arrays, touches, write_stage
from celldsl.targets.numba.states import bring_in, copy_rows, take_out

BLOCK = 16384  # elements of states that are worked on together: 64 KB of float32
COMMON = "part, parts, share, shares, rows, dims, hyper, parameters, constants, fixed, tape, work"


@entity
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
        match phase.kind:
            case "once":
                body = self._once(phase)
            case "steps":
                body = self._steps(phase)
            case "rows":
                body = self._rows(phase, "share")
            case "parts":
                body = self._rows(phase, "part")
        code = "\n".join(body)
        lines = [
            "@stage",
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

    def _rows(self, phase: Phase, own: str) -> list[str]:
        lines = _zeroed(phase)
        row_stages = [s for s in phase.stages if isinstance(s, RowLoops | Gemm)]
        if row_stages:
            lines += [
                f"    low = n_rows * {own} // {own}s",
                f"    high = n_rows * ({own} + 1) // {own}s",
            ]
        lines += shares_lines(phase)
        for stage in phase.stages:
            lines += self._stage(stage, "high", "low", depth=1)
        return lines

    def _steps(self, phase: Phase) -> list[str]:
        lines = [
            "    n_steps, first, count = rows[0], rows[4], rows[5]",
            "    begin, end = n_steps * share // shares, n_steps * (share + 1) // shares",
        ]
        opening = self._opening(phase)
        if opening:
            lines += ["    if share == 0:", *(f"    {line}" for line in opening)]
        loop = self._time_loop(phase)
        if phase.blocked is None:
            lines += loop
        else:
            lines += [
                f"    block = max(1, {BLOCK} // {factor_code(phase.blocked)})",
                "    for head in range(0, count, block):",
                *(f"    {line}" for line in loop),
            ]
        closing = self._closing(phase)
        if closing:
            lines += ["    if share == shares - 1:", *(f"    {line}" for line in closing)]
        return lines

    def _time_loop(self, phase: Phase) -> list[str]:
        """Over all sequences of the part, or those of a block."""
        low, active, staying = "0", "rows[at + 1]", "rows[at + 5]"
        if phase.blocked is not None:
            low, active, staying = "head", *(f"min(head + block, {x})" for x in (active, staying))
        backwards = "n_steps - 1 - begin, n_steps - 1 - end, -1" if phase.reverse else "begin, end"
        lines = [
            f"    for t in range({backwards}):",
            "        at = 8 + 4 * t",
            f"        row, active = rows[at], {active}",
            "        state, saved = rows[at + 2], rows[at + 3]",
            f"        staying, coming = {staying}, rows[at + 6]",
        ]
        for stage in phase.stages:
            lines += self._step_stage(stage, low)
        for source, target, shape in phase.moves:
            lines += copy_rows(source, target, shape, low, 2)
        return lines

    def _opening(self, phase: Phase) -> list[str]:
        """What comes before a part's first step."""
        lines = _zeroed(phase)
        for stage in phase.prologue:
            lines += self._stage(stage, "count", "0", depth=1, row="0")
        for state in phase.states:
            lines += bring_in(state)
        return lines

    def _closing(self, phase: Phase) -> list[str]:
        """What comes after its last."""
        lines = []
        if phase.epilogue:
            lines.append("    if rows[6] == 0:")
            for stage in phase.epilogue:
                lines += self._stage(stage, "count", "0", depth=2, row="0")
        for state in phase.states:
            lines.append(take_out(state))
        return lines

    def _step_stage(self, stage: Stage, low: str) -> list[str]:
        """Rows whose sequence goes on write their state for the next step, others the final."""
        if not _touches_next(stage):
            return self._stage(stage, "active", low, depth=2, row="row")
        going = self._stage(stage, "staying", low, depth=2, row="row")
        function = self.count
        first = "staying" if low == "0" else f"max({low}, staying)"
        ending = self._stage(stage, "active", first, depth=3, row="row", again=function)
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
                return gemm_lines(stage, low, high, depth)
            case GemmRows():
                return row_sum_lines(stage, depth)
            case AddShares():
                return add_lines(stage, depth)
            case Pack():
                return pack_lines(stage, depth)
            case Combine():
                return combine_lines(stage, depth)

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
        step = "t" if in_loop else "-1"
        return f"{name}({low}, {high}, {step}, part, parts, {first}, {where}, {arrays})"


def _touches_next(stage: Stage) -> bool:
    match stage:
        case RowLoops(nests):
            return touches(nests, "next")
        case Gemm():
            return stage.out.rows == "next" or stage.left.rows == "next"
    return False


def _zeroed(phase: Phase) -> list[str]:
    lines = []
    for place, shape in phase.zeroed:
        array, length = array_name(place.array), size_code(product(shape))
        lines.append(f"    fill(pointer({array}, {pointer_code(place)}, -1), {length}, 0.0)")
    return lines
