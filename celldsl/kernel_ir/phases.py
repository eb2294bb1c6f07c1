"""Phases as functions.  In: a phase of a plan.  Out: its function, and those of its stages.

def forward_steps(part, parts, share, shares, rows, dims, …):
    for t in range(n_steps):
        gemm(…)                     pre += h @ W
        forward_1(0, active, …)     the gates
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager

from celldsl.ir.size import Size, product
from celldsl.kernel_ir.convolutions import write_convolve, write_convolve_sums, write_pack_kernel
from celldsl.kernel_ir.free import mentioned
from celldsl.kernel_ir.places import pointer_to
from celldsl.kernel_ir.products import (
    STEP_ROWS,
    rows_from,
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
from celldsl.kernel_ir.statements import (
    Call,
    Count,
    Function,
    Load,
    Name,
    Value,
    Word,
    Writer,
    apply,
    minus,
    plus,
    quotient,
    times,
)
from celldsl.kernel_ir.states import (
    ACTIVE_WORD,
    FIRST_STEP,
    FRESH_WORD,
    HIGH_WORD,
    LOW_WORD,
    NEXT_WORD,
    ROW_WORD,
    RUN_WORD,
    RUN_WORDS,
    SAVED_WORD,
    STATE_WORD,
    STEP_WORDS,
    bring_in,
    copy_rows,
    end_cotangent,
    join_starts,
    take_out,
    write_start,
)
from celldsl.plan.operations import (
    AddShares,
    Combine,
    Convolve,
    ConvolveSums,
    Gemm,
    GemmRows,
    Pack,
    PackKernel,
    ScatterRows,
)
from celldsl.plan.places import RowKind
from celldsl.plan.plan import Phase, RowLoops, Stage
from celldsl.structs import entity, field

BLOCK = 16384  # elements of states that are worked on together: 64 KB of float32
STEPS, FIRST, COUNT = Word("n_steps"), Word("first"), Word("count")
SHARE, SHARES = Name("share"), Name("shares")
ACTIVE = Name("active")
Rows = Mapping[RowKind, Value]
ROW_NAMES: Mapping[RowKind, str] = {
    "row": "row", "saved": "saved", "state": "state", "next": "next_state"
}  # fmt: skip
# Around the time loop: a row is that of a sequence.
AROUND: Rows = {"batch": FIRST}
# Where `rows` tells of a step, and of the step after it.
STEP_WORDS_OF = {
    "row": ROW_WORD, "active": ACTIVE_WORD, "state": STATE_WORD, "saved": SAVED_WORD,
    "runs": RUN_WORD, "runs_end": STEP_WORDS + RUN_WORD, "coming": STEP_WORDS + STATE_WORD,
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
        if any(isinstance(stage, RowLoops | Gemm | Convolve) for stage in phase.stages):
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
        if phase.reverse:
            _anew(body, phase, low)
        for stage in phase.stages:
            self._step_stage(body, stage, low)
        for source, target, shape in phase.moves:
            copy_rows(body, source, target, shape, low)
        if not phase.reverse:
            _anew(body, phase, low)
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
            if state.anew is not None:
                whole = times(COUNT, Count(product(state.shape)))
                out.do("fill", rows_from(state.anew, 0), whole, 0.0)

    def _close(self, out: Writer, phase: Phase) -> None:
        """What comes after its last."""
        for state in phase.states:
            take_out(out, state)
        if phase.epilogue:
            with out.when(Word("own")):
                for state in phase.states:
                    join_starts(out, state)
                for stage in phase.epilogue:
                    self._stage(out, stage, 0, COUNT, AROUND)
        for stage in phase.last:
            self._stage(out, stage, 0, COUNT, AROUND)

    def _step_stage(self, out: Writer, stage: Stage, low: Value) -> None:
        """Next states lie in runs: of sequences that go on, begin anew, or end here."""
        if not _touches_next(stage):
            self._stage(out, stage, low, ACTIVE, STEP_ROWS)
            return
        with _runs(out) as run:
            begin, end = _bounds(out, run, low)
            out.let("next_state", Load(Name("rows"), plus(run, NEXT_WORD)))
            self._stage(out, stage, begin, end, STEP_ROWS)

    # ------------------------------------------------------------ stages

    def _stage(self, out: Writer, stage: Stage, low: Value, high: Value, rows: Rows) -> None:
        """For the sequences low … high-1; `rows` are those of the first."""
        match stage:
            case RowLoops():
                function = self._function(stage)
                t = Name("t") if "row" in rows else -1
                given = {"low": low, "high": high, "t": t, "first": rows.get("batch", 0)}
                given |= {name: rows.get(kind, 0) for kind, name in ROW_NAMES.items()}
                out.do(function.name, *(given.get(a, Name(a)) for a in function.arguments))
            case Gemm():
                write_gemm(out, stage, low, high, rows)
            case Convolve():
                write_convolve(out, stage, low, high, rows)
            case GemmRows():
                write_row_sums(out, stage)
            case ConvolveSums():
                write_convolve_sums(out, stage)
            case ScatterRows():
                write_scatter(out, stage)
            case AddShares():
                write_add_shares(out, stage)
            case Pack():
                write_pack(out, stage)
            case PackKernel():
                write_pack_kernel(out, stage)
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
        if low != 0 and name == "active":
            value = Call("min", (plus(low, Name("block")), value))
        if name in used:
            out.let(name, value)


def _runs(out: Writer) -> AbstractContextManager[Name]:
    """Once for each run of a step."""
    return out.loop("run", Name("runs_end"), Name("runs"), RUN_WORDS)


def _bounds(out: Writer, run: Name, low: Value) -> tuple[Name, Name]:
    """The sequences of a run, those of the block from `low` on."""
    begin: Value = Load(Name("rows"), plus(run, LOW_WORD))
    end: Value = Load(Name("rows"), plus(run, HIGH_WORD))
    if low != 0:
        begin = Call("max", (low, begin))
        end = Call("min", (plus(low, Name("block")), end))
    return out.let("from_b", begin), out.let("to_b", end)


def _anew(out: Writer, phase: Phase, low: Value) -> None:
    """Between two steps, where sequences begin anew: states, or cotangents going back."""
    if not phase.states:
        return
    with _runs(out) as run, out.when(Load(Name("rows"), plus(run, FRESH_WORD))):
        begin, end = _bounds(out, run, low)
        with out.loop("b", end, begin) as b:
            for state in phase.states:
                if state.inside.rows == "batch":
                    end_cotangent(out, state)
                else:
                    write_start(out, state, plus(Name("coming"), b))


def _touches_next(stage: Stage) -> bool:
    match stage:
        case RowLoops(nests):
            return touches(nests, "next")
        case Gemm():
            return stage.out.rows == "next" or stage.left.rows == "next"
        case Convolve():
            return stage.out.rows == "next" or stage.source.rows == "next"
    return False


def _zero(out: Writer, phase: Phase) -> None:
    for place, shape in phase.zeroed:
        row = Name("part") if place.rows == "part" else 0
        out.do("fill", pointer_to(place, row), Count(product(shape)), 0.0)
