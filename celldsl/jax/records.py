"""The record of a pass.  In: where its arrays come from.  Out: a target of that pass.

    at = Writer(dtype)
    inputs, outputs = at.take(1), at.give([(20, 4, 8)])     # arguments and results of XLA's call
    Record(how, engine, …, at, [*inputs, *outputs], …).register("forward")

A record is what compiled code goes by, as `handler_abi` says: words in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
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
    RECORD_BATCH,
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
    RECORD_PARTS,
    RECORD_RESETS,
    RECORD_SCHEDULE,
    RECORD_SCRATCH,
    RECORD_SHARED,
    RECORD_SOURCES,
    RECORD_STATES,
    RECORD_TABLE_AT,
    RECORD_TABLES,
    RECORD_VERSION,
    RECORD_YIELD,
    SOURCE_ADDRESS,
    SOURCE_ARGUMENT,
    SOURCE_RESULT,
    SOURCE_SCRATCH,
)
from celldsl.jax.interface import bound_code, handler_code, interface
from celldsl.jax.subject import Pass
from celldsl.runtime.description import Param
from celldsl.runtime.exec.executor import Engine
from celldsl.runtime.row_plan import RowPlan
from celldsl.runtime.threads.launch import CompiledPhases, LaunchPlan

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
class Writer:
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


_by_name: dict[str, Call] = {}  # XLA takes a name once; cells built alike have the same ones
_held: list[Any] = []  # what code of this process has the addresses of


def lasting(array: Any) -> Source:
    """Memory of ours, which stays where it is."""
    _held.append(array)
    return SOURCE_ADDRESS, array.ctypes.data


@dataclass(frozen=True, slots=True)
class VaryingRows:
    """Rows that a call finds out: the argument with its resets, and for each part the source of its
    table and the scratch memory that the finished one goes to."""

    resets: int
    tables: list[tuple[Source, Source]]


@dataclass(slots=True)
class Record:
    """All that a record is made of."""

    how: Pass
    engine: Engine
    compiled: CompiledPhases
    plan: RowPlan
    at: Writer
    shared: list[Source]
    key: list[Source]
    params: list[Source]
    varying: VaryingRows | None = None
    gradients: Source | None = None
    d_params: list[int] = field(default_factory=list)

    def register(self, what: str) -> Call:
        """Makes the target known to XLA, unless a cell that was built alike did so before."""
        name = f"celldsl.{self.engine.description.name}.{what}.{self._digest(what)}"
        if name in _by_name:
            return _by_name[name]
        launch = LaunchPlan(self.compiled, self.plan, self.how.lengths)
        words = self._words(launch)
        self.at.results.append(jax.ShapeDtypeStruct((self.at.scratch + LINE,), np.dtype("uint8")))
        code = bound_code(handler_code().handlers[self.how.dtype], words.ctypes.data)
        jax.ffi.register_ffi_target(name, jax.ffi.pycapsule(code), platform="cpu")
        _held.append((words, launch, self.engine))
        _by_name[name] = Call(name, tuple(self.at.results))
        return _by_name[name]

    def _digest(self, what: str) -> str:
        how, described, engine = self.how, self.engine.description, self.engine
        facts = (
            what, described.digest, described.name, described.version, described.without,
            [(h.name, h.value) for h in described.hypers if h.fixed], engine.dims, how.dtype,
            engine.numbers.hyper.tolist(), how.steps, how.batch, how.period, how.given,
            how.reverse, how.masked, len(self.plan.parts), how.subject.recipe.cls.observed,
            how.lengths, how.resets,
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
        entries = self._entries()
        header |= self._rows(RECORD_HEADER + len(sources) + len(entries))
        words = [header[i] for i in range(RECORD_HEADER)]
        return np.array([*words, *sources, *entries, *self._tables()], np.int64)

    def _rows(self, tables: int) -> dict[int, int]:
        """The words about rows that vary; `tables` is the word of where they come from."""
        varying = self.varying
        return {
            RECORD_PARTS: 0 if varying is None else len(varying.tables),
            RECORD_TABLES: tables,
            RECORD_RESETS: 0 if varying is None else varying.resets,
            RECORD_BATCH: self.plan.batch,
            RECORD_STATES: self.plan.states,
        }

    def _tables(self) -> list[int]:
        tables = [] if self.varying is None else self.varying.tables
        return [word for source, place in tables for word in (*source, place[1])]

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
