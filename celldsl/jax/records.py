"""The record of a pass, and its handler.  In: a Pass.  Out: the name that XLA knows it by.

    call = forward_call(how, keep=True)
    call.name               # "celldsl.GRU.forward.5d41402abc4b2a76"
    call.results            # shapes and dtypes: outputs, final states, tape, scratch

A pass of one cell over batches of one size has a record, and a target of that name, whose hash is
that of all that the record depends on: a program that XLA kept on disk finds the same target in
another process.  Both live as long as the process, as compiled programs of JAX's may.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import numpy as np

from celldsl.jax.handler_abi import (
    ENTRY_ARGUMENT,
    ENTRY_AXES,
    ENTRY_OFFSET,
    ENTRY_RESULT,
    ENTRY_SIZES,
    ENTRY_STRIDES,
    ENTRY_WORDS,
    JOB_CALL_WORDS,
    RECORD_ALLOCATE,
    RECORD_CALLS_AT,
    RECORD_CREATE,
    RECORD_DESTROY,
    RECORD_ENTRIES,
    RECORD_FAILED,
    RECORD_FLAT_AT,
    RECORD_FLAT_FILL,
    RECORD_FREE,
    RECORD_GRADIENTS,
    RECORD_GRADIENTS_AT,
    RECORD_HEADER,
    RECORD_HELP,
    RECORD_HYPER,
    RECORD_HYPER_AT,
    RECORD_HYPER_WORDS,
    RECORD_JOB,
    RECORD_JOB_AT,
    RECORD_JOB_WORDS,
    RECORD_KEY,
    RECORD_PARAMS,
    RECORD_SCHEDULE,
    RECORD_SCRATCH,
    RECORD_SHARED,
    RECORD_SOURCES,
    RECORD_TABLE_AT,
    RECORD_VERSION,
    RECORD_YIELD,
    SOURCE_ADDRESS,
    SOURCE_ARGUMENT,
    SOURCE_RESULT,
    SOURCE_SCRATCH,
)
from celldsl.jax.interface import handler_code, interface
from celldsl.jax.subject import Pass
from celldsl.jit.bound import bound_code
from celldsl.jit.forks import COMPILING
from celldsl.runtime.description import Param
from celldsl.runtime.exec.executor import Engine, PlanSizes
from celldsl.runtime.row_plan import RowPlan, plan_rows
from celldsl.runtime.threads.launch import CompiledPhases, LaunchPlan
from celldsl.runtime.threads.thread_count import parts_for

LINE = 64
WORD = 8
Source = tuple[int, int]
FAILED = b"celldsl: a phase of a pass failed, which is a defect of celldsl\0"


@dataclass(frozen=True, slots=True)
class Call:
    """The target of a pass, and the arrays that come back, in order; the last is scratch memory."""

    name: str
    results: tuple[jax.ShapeDtypeStruct, ...]


@dataclass(slots=True)
class _Writer:
    """What is found out of a pass while its arrays are placed."""

    dtype: np.dtype[Any]
    arguments: int = 0
    results: list[jax.ShapeDtypeStruct] = field(default_factory=list)
    scratch: int = 0

    def take(self, count: int) -> list[Source]:
        """The next so many arguments."""
        self.arguments += count
        return [(SOURCE_ARGUMENT, i) for i in range(self.arguments - count, self.arguments)]

    def give(self, shapes: Sequence[tuple[int, ...]], wanted: Sequence[bool] = ()) -> list[Source]:
        """A result for each shape; scratch memory for those that nobody wants."""
        found = []
        for i, shape in enumerate(shapes):
            if not wanted or wanted[i]:
                found.append((SOURCE_RESULT, len(self.results)))
                self.results.append(jax.ShapeDtypeStruct(shape, self.dtype))
            else:
                found.append(self.room(int(np.prod(shape))))
        return found

    def room(self, count: int, size: int | None = None) -> Source:
        """Scratch memory for so many numbers."""
        at = self.scratch
        nbytes = count * (self.dtype.itemsize if size is None else size)
        self.scratch = at + -(-nbytes // LINE) * LINE
        return SOURCE_SCRATCH, at


_known: dict[tuple[Any, ...], Call] = {}
_held: list[Any] = []  # what code of this process has the addresses of


def tape_words(how: Pass) -> int:
    """How long a tape is, in words of 32 bits: numbers that nobody computes with."""
    sizes = _sizes(how, True)
    return sizes.tape * np.dtype(how.dtype).itemsize // 4


def _plan(how: Pass, engine: Engine, keep: bool) -> RowPlan:
    parts = parts_for(how.batch, engine.flop_estimate(how.steps * how.batch), how.threads)
    plan = plan_rows(how.steps, how.batch, parts, keep, how.given, how.reverse)
    if not how.masked or how.period == how.batch:
        return plan
    return replace(plan, parts=tuple(_repeated(part, how) for part in plan.parts))


def _repeated(part: Any, how: Pass) -> Any:
    """Rows of a part whose masks are those of every `period`-th sequence."""
    own = part.copy()
    masks = own[own[9] : own[9] + own[5]]
    masks %= how.period
    return own


def _sizes(how: Pass, keep: bool) -> PlanSizes:
    engine = how.subject.engine(how.dtype)
    return PlanSizes(engine, _plan(how, engine, keep))


def forward_call(how: Pass, keep: bool) -> Call:
    """Takes [key], parameters, inputs, [start states]; gives outputs, final states, [tape]."""
    return _call((how, keep), lambda: _forward(how, keep))


def backward_call(how: Pass, wanted: tuple[bool, ...]) -> Call:
    """Takes what the forward pass does, then the tape and cotangents of outputs and final states.

    Gives those of parameters, inputs and start states that are `wanted`.
    """
    return _call((how, wanted), lambda: _backward(how, wanted))


def _call(key: tuple[Any, ...], write: Callable[[], Call]) -> Call:
    with COMPILING:
        if key not in _known:
            _known[key] = write()
        return _known[key]


def _forward(how: Pass, keep: bool) -> Call:
    engine, sizes = how.subject.engine(how.dtype), _sizes(how, keep)
    at = _Writer(engine.dtype)
    key = at.take(int(how.masked))
    params = at.take(len(engine.description.params))
    inputs = at.take(len(engine.input_shapes))
    starts = at.take(len(engine.state_shapes)) if how.given else _none(engine)
    outputs, finals = at.give(sizes.outputs), at.give(sizes.states)
    tape = at.room(0 if keep else sizes.tape)
    if keep:
        tape = SOURCE_RESULT, len(at.results)
        at.results.append(jax.ShapeDtypeStruct((tape_words(how),), np.dtype("uint32")))
    flat, hyper = _flat(at, engine), _hyper(at, engine)
    fixed, work = at.room(engine.fixed_length), at.room(sizes.forward_work)
    head = [_dims(engine), hyper, flat, _consts(engine), fixed, tape, work]
    shared = [*head, *inputs, *outputs, *starts, *finals]
    made = _Record(how, engine, engine.ahead, sizes.plan, at, shared, key, params)
    return made.register("forward" if keep else "infer")


def _backward(how: Pass, wanted: tuple[bool, ...]) -> Call:
    engine, sizes = how.subject.engine(how.dtype), _sizes(how, True)
    described = engine.description
    at = _Writer(engine.dtype)
    n, m = len(described.params), len(engine.input_shapes)
    key, params, inputs = at.take(int(how.masked)), at.take(n), at.take(m)
    if how.given:
        at.take(len(engine.state_shapes))
    (tape,) = at.take(1)
    d_outputs, d_finals = at.take(len(sizes.outputs)), at.take(len(sizes.states))
    shapes = [tuple(map(int, p.shape(**engine.dims))) for p in described.params]
    # Gradients of parameters that nobody wants stay among all of them.
    kept = [shape for shape, wants in zip(shapes, wanted, strict=False) if wants]
    given = iter(at.give(kept))
    d_params = [next(given)[1] if wants else -1 for wants in wanted[:n]]
    d_inputs = at.give(sizes.inputs, wanted[n : n + m])
    d_starts = at.give(sizes.states, wanted[n + m :] or [False] * len(sizes.states))
    flat, hyper = _flat(at, engine), _hyper(at, engine)
    fixed, work = at.room(engine.fixed_length), at.room(sizes.backward_work)
    gradients = at.room(engine.parameters.size)
    head = [_dims(engine), hyper, flat, _consts(engine), fixed, tape, work, gradients]
    shared = [*head, *inputs, *d_outputs, *d_inputs, *d_finals, *d_starts]
    made = _Record(how, engine, engine.back, sizes.plan, at, shared, key, params)
    made.gradients, made.d_params = gradients, d_params
    return made.register(f"backward{sum(wants << i for i, wants in enumerate(wanted)):x}")


def _none(engine: Engine) -> list[Source]:
    return [_lasting(array) for array in engine.no_starts]


def _dims(engine: Engine) -> Source:
    return _lasting(engine.dim_array)


def _consts(engine: Engine) -> Source:
    return _lasting(engine.numbers.constants)


def _lasting(array: Any) -> Source:
    """Memory of ours, which stays where it is."""
    _held.append(array)
    return SOURCE_ADDRESS, array.ctypes.data


def _flat(at: _Writer, engine: Engine) -> Source:
    return at.room(engine.parameters.size)


def _hyper(at: _Writer, engine: Engine) -> Source:
    return at.room(engine.numbers.hyper.size, WORD)


@dataclass(slots=True)
class _Record:
    """All that a record is made of."""

    how: Pass
    engine: Engine
    compiled: CompiledPhases
    plan: RowPlan
    at: _Writer
    shared: list[Source]
    key: list[Source]
    params: list[Source]
    gradients: Source | None = None
    d_params: list[int] = field(default_factory=list)

    def register(self, what: str) -> Call:
        """Makes the target known to XLA."""
        launch = LaunchPlan(self.compiled, self.plan)
        words = self._words(launch)
        self.at.results.append(jax.ShapeDtypeStruct((self.at.scratch + LINE,), np.dtype("uint8")))
        name = f"celldsl.{self.engine.description.name}.{what}.{self._digest(what)}"
        code = bound_code(handler_code().handlers[self.how.dtype], words.ctypes.data)
        jax.ffi.register_ffi_target(name, jax.ffi.pycapsule(code), platform="cpu")
        _held.append((words, launch, self.engine))
        return Call(name, tuple(self.at.results))

    def _digest(self, what: str) -> str:
        how, described, engine = self.how, self.engine.description, self.engine
        facts = (
            what, described.digest, described.name, described.version, described.without,
            [(h.name, h.value) for h in described.hypers if h.fixed], engine.dims, how.dtype,
            engine.numbers.hyper.tolist(), how.steps, how.batch, how.period, how.given,
            how.reverse, how.masked, len(self.plan.parts), how.subject.recipe.cls.observed,
        )  # fmt: skip
        constants = engine.numbers.constants.tobytes()
        return hashlib.sha256(repr(facts).encode() + constants).hexdigest()[:16]

    def _words(self, launch: LaunchPlan) -> Any:
        at, engine = self.at, self.engine
        job = launch.words
        table, own_job = at.room(len(self.shared), WORD), at.room(len(job), WORD)
        calls = at.room(JOB_CALL_WORDS, WORD)
        code, known = handler_code(), interface()
        assert known is not None
        failed = np.frombuffer(FAILED, np.uint8)
        _held.append(failed)
        sources = [word for source in self.shared for word in source]
        flat = self.shared[2][1]
        header = {
            RECORD_VERSION: known.version[0] | known.version[1] << 32,
            RECORD_JOB: job.buffer_info()[0],
            RECORD_JOB_WORDS: len(job),
            RECORD_JOB_AT: own_job[1],
            RECORD_SHARED: len(self.shared),
            RECORD_SOURCES: RECORD_HEADER,
            RECORD_TABLE_AT: table[1],
            RECORD_PARAMS: len(self.params),
            RECORD_ENTRIES: RECORD_HEADER + len(sources),
            RECORD_FLAT_AT: flat,
            RECORD_FLAT_FILL: engine.parameters.size if self._has_gaps() else 0,
            RECORD_GRADIENTS_AT: 0 if self.gradients is None else self.gradients[1],
            RECORD_GRADIENTS: 0 if self.gradients is None else engine.parameters.size,
            RECORD_HYPER: engine.numbers.hyper.ctypes.data,
            RECORD_HYPER_WORDS: engine.numbers.hyper.size,
            RECORD_HYPER_AT: self.shared[1][1],
            RECORD_KEY: self.key[0][1] if self.key else -1,
            RECORD_SCRATCH: len(at.results),
            RECORD_CALLS_AT: calls[1],
            RECORD_SCHEDULE: known.place("ThreadPool_Schedule"),
            RECORD_CREATE: known.place("Error_Create"),
            RECORD_DESTROY: known.place("Error_Destroy"),
            RECORD_ALLOCATE: code.allocate,
            RECORD_FREE: code.free,
            RECORD_YIELD: code.give_way,
            RECORD_HELP: code.help,
            RECORD_FAILED: failed.ctypes.data,
        }
        words = [header[i] for i in range(RECORD_HEADER)]
        return np.array([*words, *sources, *self._entries()], np.int64)

    def _has_gaps(self) -> bool:
        dims = self.engine.dims
        sizes = [int(np.prod(p.shape(**dims))) for p in self.engine.description.params]
        return sum(sizes) != self.engine.parameters.size

    def _entries(self) -> list[int]:
        found: list[int] = []
        results = self.d_params or [-1] * len(self.params)
        for param, source, result in zip(
            self.engine.description.params, self.params, results, strict=True
        ):
            found += _entry(param, self.engine.dims, source[1], result)
        return found


def _entry(param: Param, dims: dict[str, int], argument: int, result: int) -> list[int]:
    """Where a parameter lies, with as few axes as there can be."""
    axes: list[tuple[int, int]] = []
    shape, strides = tuple(param.shape(**dims)), tuple(param.strides(**dims))
    for size, stride in zip(shape, strides, strict=True):
        if axes and axes[-1][1] == size * stride:
            axes[-1] = axes[-1][0] * size, stride
        else:
            axes.append((size, stride))
    axes = axes or [(1, 1)]
    entry = [0] * ENTRY_WORDS
    entry[ENTRY_ARGUMENT], entry[ENTRY_RESULT] = argument, result
    entry[ENTRY_OFFSET], entry[ENTRY_AXES] = int(param.offset(**dims)), len(axes)
    for i, (size, stride) in enumerate(axes):
        entry[ENTRY_SIZES + i], entry[ENTRY_STRIDES + i] = int(size), int(stride)
    return entry
