"""Phases as functions.  In: a phase of a plan.  Out: its function, and those of its stages.

def forward_steps(part, parts, share, shares, rows, dims, …):
    for t in range(n_steps):
        gemm(…)                     pre += h @ W
        forward_1(0, active, …)     the gates
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from celldsl.ir.size import Size, product
from celldsl.kernel_ir.expressions import (
    Call,
    Count,
    Load,
    Name,
    Value,
    Word,
    apply,
    less,
    minus,
    plus,
    quotient,
    times,
)
from celldsl.kernel_ir.free import mentioned
from celldsl.kernel_ir.places import pointer_to
from celldsl.kernel_ir.products import (
    STEP_ROWS,
    share_of,
    write_add_shares,
    write_combine,
    write_gemm,
    write_pack,
    write_row_sums,
    write_scatter,
    write_shares,
)
from celldsl.kernel_ir.stages import Naming, stage_function, touches
from celldsl.kernel_ir.statements import Function, Writer
from celldsl.kernel_ir.states import (
    ACTIVE_WORD,
    FIRST_STEP,
    ROW_WORD,
    SAVED_WORD,
    STATE_WORD,
    STATES,
    STEP_WORDS,
    bring_in,
    copy_rows,
    take_out,
)
from celldsl.plan.operations import AddShares, Combine, Gemm, GemmRows, Pack, ScatterRows
from celldsl.plan.places import RowKind
from celldsl.plan.plan import Phase, RowLoops, Stage
from celldsl.structs import entity, field

BLOCK = 16384  # elements of states that are worked on together: 64 KB of float32
STEPS, FIRST, COUNT = Word("n_steps"), Word("first"), Word("count")
SHARE, SHARES = Name("share"), Name("shares")
ACTIVE, STAYING = Name("active"), Name("staying")
Rows = Mapping[RowKind, Value]
ROW_NAMES: Mapping[RowKind, str] = {
    "row": "row", "saved": "saved", "state": "state", "next": "next_state"
}  # fmt: skip
# Around the time loop: a row is that of a sequence.
AROUND: Rows = {"batch": FIRST}
# Where `rows` tells of a step, and of the step after it.
STEP_WORDS_OF = {
    "row": ROW_WORD, "active": ACTIVE_WORD, "state": STATE_WORD, "saved": SAVED_WORD,
    "staying": STEP_WORDS + ACTIVE_WORD, "next_state": STEP_WORDS + STATE_WORD,
}  # fmt: skip


@entity
class PhaseWriter:
    """Collects the functions of one direction; `arguments` are those of its phases.

    `settings` is the number of run-time hyperparameters.
    """

    direction: str
    arguments: tuple[str, ...]
    naming: Naming
    settings: int
    functions: list[Function] = field(default_factory=list)
    count: int = 0

    def phase(self, name: str, phase: Phase) -> str:
        """Writes a phase, with its stages before it; returns its name."""
        out = Writer()
        match phase.kind:
            case "once":
                for stage in phase.stages:
                    self._stage(out, stage, 0, 1, {})
            case "steps":
                self._steps(out, phase)
            case "rows":
                self._rows(out, phase, Name("share"), Name("shares"))
            case "parts":
                self._rows(out, phase, Name("part"), Name("parts"))
        self.functions.append(Function(name, "phase", self.arguments, out.done()))
        return name

    # ------------------------------------------------------------ kinds of phases

    def _rows(self, out: Writer, phase: Phase, own: Name, all_of: Name) -> None:
        _zero(out, phase)
        low, high = Name("low"), Name("high")
        if any(isinstance(stage, RowLoops | Gemm) for stage in phase.stages):
            rows = Count(Size.dim("@R"))
            out.assign(low, share_of(rows, own, all_of))
            out.assign(high, share_of(rows, plus(own, 1), all_of))
        write_shares(out, phase)
        for stage in phase.stages:
            self._stage(out, stage, low, high, {})

    def _steps(self, out: Writer, phase: Phase) -> None:
        begin = out.let("begin", share_of(STEPS, SHARE, SHARES))
        end = out.let("end", share_of(STEPS, plus(SHARE, 1), SHARES))
        if phase.zeroed or phase.prologue or phase.states:
            with out.when(apply("eq", SHARE, 0)):
                self._open(out, phase)
        if phase.blocked is None:
            self._time_loop(out, phase, begin, end, 0)
        else:
            size = Call("max", (1, quotient(BLOCK, Count(phase.blocked))))
            with out.loop("head", COUNT, step=out.let("block", size)) as head:
                self._time_loop(out, phase, begin, end, head)
        if phase.epilogue or phase.last or phase.states:
            with out.when(apply("eq", SHARE, minus(SHARES, 1))):
                self._close(out, phase)

    def _time_loop(self, out: Writer, phase: Phase, begin: Name, end: Name, low: Value) -> None:
        """Over all sequences of the part, or those of a block from `low` on."""
        step: Value = 1
        start: Value = begin
        stop: Value = end
        if phase.reverse:
            last = minus(STEPS, 1)
            start, stop, step = minus(last, begin), minus(last, end), -1
        body = Writer()
        for stage in phase.stages:
            self._step_stage(body, stage, low)
        for source, target, shape in phase.moves:
            copy_rows(body, source, target, shape, low)
        with out.loop("t", stop, start, step) as t:
            _read_step(out, t, low, mentioned(body.done()).names)
            out.put(*body.done())

    def _open(self, out: Writer, phase: Phase) -> None:
        """What comes before a part's first step."""
        _zero(out, phase)
        for stage in phase.prologue:
            self._stage(out, stage, 0, COUNT, AROUND)
        for state in phase.states:
            bring_in(out, state)

    def _close(self, out: Writer, phase: Phase) -> None:
        """What comes after its last."""
        if phase.epilogue:
            with out.when(apply("eq", Word("given"), 0)):
                for stage in phase.epilogue:
                    self._stage(out, stage, 0, COUNT, AROUND)
        for stage in phase.last:
            self._stage(out, stage, 0, COUNT, AROUND)
        for state in phase.states:
            take_out(out, state)

    def _step_stage(self, out: Writer, stage: Stage, low: Value) -> None:
        """Rows whose sequence goes on write their state for the next step, others the final."""
        if not _touches_next(stage):
            self._stage(out, stage, low, ACTIVE, STEP_ROWS)
            return
        self._stage(out, stage, low, STAYING, STEP_ROWS)
        function = self.functions[-1] if isinstance(stage, RowLoops) else None
        ends: Rows = {**STEP_ROWS, "next": plus(STATES, FIRST)}
        with out.when(less(STAYING, ACTIVE)):
            rest = STAYING if low == 0 else Call("max", (low, STAYING))
            self._stage(out, stage, rest, ACTIVE, ends, function)

    # ------------------------------------------------------------ stages

    def _stage(
        self, out: Writer, stage: Stage, low: Value, high: Value, rows: Rows,
        again: Function | None = None,
    ) -> None:  # fmt: skip
        """For the sequences low … high-1; `rows` are those of the first."""
        match stage:
            case RowLoops():
                function = again or self._function(stage)
                t = Name("t") if "row" in rows else -1
                given = {"low": low, "high": high, "t": t, "first": rows.get("batch", 0)}
                given |= {name: rows.get(kind, 0) for kind, name in ROW_NAMES.items()}
                out.do(function.name, *(given.get(a, Name(a)) for a in function.arguments))
            case Gemm():
                write_gemm(out, stage, low, high, rows)
            case GemmRows():
                write_row_sums(out, stage)
            case ScatterRows():
                write_scatter(out, stage)
            case AddShares():
                write_add_shares(out, stage)
            case Pack():
                write_pack(out, stage)
            case Combine():
                write_combine(out, stage)

    def _function(self, stage: RowLoops) -> Function:
        self.count += 1
        name = f"{self.direction}_{self.count}"
        function = stage_function(name, stage, self.naming, self.settings)
        self.functions.append(function)
        return function


def _read_step(out: Writer, t: Name, low: Value, used: Collection[str]) -> None:
    """The numbers of rows of a step that are used."""
    at = out.let("at", plus(FIRST_STEP, times(STEP_WORDS, t)))
    for name, word in STEP_WORDS_OF.items():
        value: Value = Load(Name("rows"), plus(at, word))
        if low != 0 and name in ("active", "staying"):
            value = Call("min", (plus(low, Name("block")), value))
        if name in used:
            out.let(name, value)


def _touches_next(stage: Stage) -> bool:
    match stage:
        case RowLoops(nests):
            return touches(nests, "next")
        case Gemm():
            return stage.out.rows == "next" or stage.left.rows == "next"
    return False


def _zero(out: Writer, phase: Phase) -> None:
    for place, shape in phase.zeroed:
        row = Name("part") if place.rows == "part" else 0
        out.do("fill", pointer_to(place, row), Count(product(shape)), 0.0)
