"""The targets of passes, which XLA calls.  In: a Pass.  Out: the name that XLA knows one by.

    call = forward_call(how, keep=True)
    call.name               # "celldsl.GRU.forward.5d41402abc4b2a76"
    call.results            # shapes and dtypes: outputs, final states, tape, scratch

A pass of one cell over batches of one size has a record, and a target of that name, whose hash is
that of all that the record depends on: a program that XLA kept on disk finds the same target in
another process.  Both live as long as the process, as compiled programs of JAX's may.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from celldsl.jax.handler_abi import SOURCE_RESULT
from celldsl.jax.records import Call, Record, Source, VaryingRows, Writer, lasting
from celldsl.jax.subject import Pass
from celldsl.jit.forks import COMPILING
from celldsl.runtime.exec.executor import Engine, PlanSizes
from celldsl.runtime.exec.phase_code import Wanted
from celldsl.runtime.row_plan import RUN, RowPlan, plan_rows
from celldsl.runtime.threads.thread_count import parts_for

WORD = 8
_known: dict[tuple[Any, ...], Call] = {}


def tape_words(how: Pass) -> int:
    """How long a tape is, in words of 32 bits: numbers that nobody computes with."""
    sizes = _sizes(how, True)
    return sizes.tape * np.dtype(how.dtype).itemsize // 4


def part_count(how: Pass) -> int:
    """Into how many parts the sequences are dealt."""
    work = how.subject.engine(how.dtype).flop_estimate(how.steps * how.batch)
    return parts_for(how.batch, work, how.threads)


def states_of(how: Pass, keep: bool) -> int:
    """How many states there is room for: before every step that may be a reset there may be two."""
    if not keep:
        return 2 * how.batch
    later = max(how.steps - 1, 0) if how.resets else 0
    return (how.steps + later) * how.batch


def _plan(how: Pass, keep: bool) -> RowPlan:
    """The plan of a call without lengths and resets, with room for one that has them."""
    plan = plan_rows(how.steps, how.batch, part_count(how), keep, how.given, how.reverse)
    plan = replace(plan, states=states_of(how, keep))
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
    return PlanSizes(engine, _plan(how, keep))


def forward_call(how: Pass, keep: bool) -> Call:
    """Takes [key], parameters, inputs, [start states], [words of resets, [those of each part]].

    Gives outputs, final states, [tape].  With lengths or resets it takes words as `rows` has them.
    """
    return _call((how, keep), lambda: _forward(how, keep))


def backward_call(how: Pass, wanted: tuple[bool, ...]) -> Call:
    """Takes what the forward pass does, with the tape and cotangents of outputs and final states
    before the words.

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
    at = Writer(engine.dtype)
    key = at.take(int(how.masked))
    params = at.take(len(engine.description.params))
    inputs = at.take(len(engine.input_shapes))
    starts = at.take(len(engine.state_shapes)) if how.given else _none(engine)
    varying = _varying_rows(how, at, sizes.plan)
    outputs, finals = at.give(sizes.outputs), at.give(sizes.states)
    tape = at.room(0 if keep else sizes.tape)
    if keep:
        tape = SOURCE_RESULT, len(at.results)
        at.results.append(jax.ShapeDtypeStruct((tape_words(how),), np.dtype("uint32")))
    flat, hyper = _flat(at, engine), _hyper(at, engine)
    fixed, work = at.room(engine.fixed_length), at.room(sizes.forward_work)
    head = [_dims(engine), hyper, flat, _consts(engine), fixed, tape, work]
    shared = [*head, *inputs, *outputs, *starts, *finals]
    made = Record(how, engine, engine.ahead, sizes.plan, at, shared, key, params, varying)
    return made.register("forward" if keep else "infer")


def _backward(how: Pass, wanted: tuple[bool, ...]) -> Call:
    engine, sizes = how.subject.engine(how.dtype), _sizes(how, True)
    described = engine.description
    at = Writer(engine.dtype)
    n, m = len(described.params), len(engine.input_shapes)
    key, params, inputs = at.take(int(how.masked)), at.take(n), at.take(m)
    if how.given:
        at.take(len(engine.state_shapes))
    (tape,) = at.take(1)
    d_outputs, d_finals = at.take(len(sizes.outputs)), at.take(len(sizes.states))
    varying = _varying_rows(how, at, sizes.plan)
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
    back = engine.back_to(Wanted(any(wanted[n : n + m]), any(wanted[:n])))
    made = Record(how, engine, back, sizes.plan, at, shared, key, params, varying)
    made.gradients, made.d_params = gradients, d_params
    return made.register(f"backward{sum(wants << i for i, wants in enumerate(wanted)):x}")


def _varying_rows(how: Pass, at: Writer, plan: RowPlan) -> VaryingRows | None:
    """Where the rows of a call come from; None where they are the same in all."""
    if not how.lengths and not how.resets:
        return None
    (resets,) = at.take(1)
    tables = at.take(len(plan.parts)) if how.lengths else list(map(lasting, plan.parts))
    runs = 2 * RUN * how.steps * (1 + int(plan.batch) if how.resets else 1)
    places = [at.room(len(part) + runs, WORD) for part in plan.parts]
    return VaryingRows(resets[1], list(zip(tables, places, strict=True)))


def _none(engine: Engine) -> list[Source]:
    return [lasting(array) for array in engine.no_starts]


def _dims(engine: Engine) -> Source:
    return lasting(engine.dim_array)


def _consts(engine: Engine) -> Source:
    return lasting(engine.numbers.constants)


def _flat(at: Writer, engine: Engine) -> Source:
    return at.room(engine.parameters.size)


def _hyper(at: Writer, engine: Engine) -> Source:
    return at.room(engine.numbers.hyper.size, WORD)
