"""Passes over whole sequences.  In: a built cell, what its caller passed.  Out: results, gradients.

    y, state = run_pass(cell, x, None, {})
    y, state, tape = forward_pass(cell, x, {}, Options(checkpoint=True))
    gradients = backward_pass(cell, tape, dy, None, None, {})

Arguments are those of the methods of `Cell`, which say what they mean.
"""

from __future__ import annotations

from typing import NamedTuple

from celldsl.runtime.arrays.options import (
    BACKWARD_KEYWORDS,
    CALL_KEYWORDS,
    FORWARD_KEYWORDS,
    Option,
    asks_for_all,
    refuse_unknown,
    state_of,
)
from celldsl.runtime.arrays.state_structure import Nested
from celldsl.runtime.arrays.validation import Values, check_flag, check_integer
from celldsl.runtime.cell.built import BuiltCell, Gradients
from celldsl.runtime.cell.check_numerics import check_backward, check_forward, is_checked
from celldsl.runtime.cell.compiler import engine_of_all_states
from celldsl.runtime.cell.initial import hash_key
from celldsl.runtime.exec.batches import Batch, inputs_out, make_batch
from celldsl.runtime.exec.kept_numbers import Numbers
from celldsl.runtime.exec.no_memory import Pass, lead_passed, no_room, no_room_back
from celldsl.runtime.exec.sequences import (
    cut_segments,
    empty_states,
    run_back,
    run_once,
    run_sequence,
    run_with_states,
)
from celldsl.runtime.exec.tape import Tape, check_tape

Named = dict[str, object]


class Options(NamedTuple):
    """What `Cell.forward` can be asked for."""

    state: object = None
    lengths: object = None
    reverse: object = False
    resets: object = None
    training: object = True
    seed: int | None = None
    checkpoint: int | bool = 1
    check_numerics: object = None
    states: object = "last"


def run_pass(cell: BuiltCell, inputs: object, state: object, named: Named) -> tuple[Nested, Nested]:
    """A pass that keeps nothing.  Raises ArgumentError, ArgumentTypeError, MemoryError."""
    engine, signature = cell._engine, cell._signature
    options: tuple[Option, ...] = ()
    every = False
    signature.check_hidden(inputs, CALL_KEYWORDS)
    if named:
        signature.check_keywords("a call of {}", named, CALL_KEYWORDS)
        state = state_of(f"a call of {cell.description.name}", state, named)
        named.pop("state", None)
        every = asks_for_all(named.pop("states", "last"))
        defaults = {"lengths": None, "reverse": False, "resets": None}
        options = tuple(named.pop(name, value) for name, value in defaults.items())
    try:
        batch = make_batch(engine, signature, inputs, named, state, *options)
        arrays = engine, batch.layout, batch.arrays, batch.starts
        found, after = run_with_states(*arrays) if every else (run_once(*arrays), None)
        return _results(cell, batch, found.outputs, found.finals, cell._checked, after)
    except MemoryError as error:
        asked = Pass(*lead_passed(signature, inputs, named), every=every)
        raise no_room(engine, asked) from error


def forward_pass(
    cell: BuiltCell, inputs: object, named: Named, asked: Options
) -> tuple[Nested, Nested, Tape]:
    """A pass with a tape.  Raises what `run_pass` raises."""
    engine, signature = cell._engine, cell._signature
    signature.check_hidden(inputs, FORWARD_KEYWORDS)
    if named:
        signature.check_keywords("{}.forward()", named, FORWARD_KEYWORDS)
    segments = _segments(asked.checkpoint)
    every = asks_for_all(asked.states)
    numbers = _numbers(cell, asked)
    # What `backward` reads of the caller's arrays: all of them where steps are run again.
    read = cell._reads if segments == 1 else signature.input_names
    seen = engine.guard.now(cell.params)
    copies = engine.own_copies()
    options = (
        asked.state,
        asked.lengths,
        asked.reverse,
        asked.resets,
        (read, copies),
        segments != 1,
    )
    checked = is_checked(asked.check_numerics, cell._checked)
    try:
        batch = make_batch(engine, signature, inputs, named, *options)
        layout, lead = batch.layout, batch.lead
        borders = cut_segments(layout.steps, segments)
        arrays = batch.arrays, batch.starts
        tape = Tape(cell, engine, layout, *arrays, borders, numbers, lead, seen, [], [], every)
        after = empty_states(engine, layout) if every else None
        return (*_results(cell, batch, *run_sequence(tape, after, copies), checked, after), tape)
    except MemoryError as error:
        sizes = lead_passed(signature, inputs, named)
        of = Pass(*sizes, True, len(cut_segments(sizes[0], segments)), every)
        raise no_room(engine, of) from error


def backward_pass(
    cell: BuiltCell, tape: Tape, dy: object, dstate: object, check_numerics: object, unknown: Named
) -> Gradients:
    """The gradients of a pass.  Raises ArgumentError, ArgumentTypeError, MemoryError."""
    if unknown:
        refuse_unknown(f"{cell.description.name}.backward()", unknown, BACKWARD_KEYWORDS)
    tape = check_tape(tape, cell)
    try:
        return _back(cell, tape, dy, dstate, is_checked(check_numerics, cell._checked))
    except MemoryError as error:
        steps, batch = tape.lead
        asked = Pass(steps, batch, True, len(tape.borders), tape.every)
        raise no_room_back(tape.engine, asked) from error


def _back(cell: BuiltCell, tape: Tape, dy: object, dstate: object, checked: bool) -> Gradients:
    signature, layout = cell._signature, tape.layout
    outputs = signature.output_cotangents(dy, *tape.lead)
    engine = tape.engine
    if tape.every:
        engine = engine_of_all_states(cell)
        outputs += signature.all_state_cotangents(dstate, *tape.lead)
        dstate = None
    finals = signature.state_cotangents(dstate, tape.lead[1])
    if layout.packing is None:
        found = run_back(tape, engine, outputs, finals)
        arrays, starts = found.inputs, found.starts
    else:
        rows = [layout.results_in(array) for array in outputs]
        ends = [None if a is None else layout.dealt(a) for a in finals]
        found = run_back(tape, engine, rows, ends)
        arrays = inputs_out(signature, layout, found.inputs, tape.lead)
        starts = [layout.undealt(array) for array in found.starts]
    inputs = dict(zip(signature.input_names, arrays, strict=True))
    for name in signature.without_gradients:
        del inputs[name]
    params = cell.params.over(found.parameters)
    grads = Gradients(params, inputs, cell._state_structure.pack(starts))
    if checked:
        check_backward(cell, tape, outputs, finals, grads)
    return grads


def _segments(checkpoint: int | bool) -> int:
    """How many `checkpoint` asks for; 0 for as many as are best."""
    if checkpoint is True:
        return 0
    if checkpoint is False:
        return 1
    plain = type(checkpoint) is int and checkpoint > 0
    return checkpoint if plain else check_integer("checkpoint", checkpoint, 1)


def _numbers(cell: BuiltCell, asked: Options) -> Numbers:
    """Hyperparameters and consts, and the key of masks where some are drawn."""
    engine, seed = cell._engine, asked.seed
    if not check_flag("training", asked.training):
        return engine.numbers
    if seed is not None:
        return engine.training_numbers(hash_key(f"given:{check_integer('seed', seed, 0)}"))
    if not cell.description.masks:
        return engine.numbers
    with cell._lock:
        cell._passes += 1
        number = cell._passes
    return engine.training_numbers(hash_key(f"pass:{cell.seed}:{number}"))


def _results(
    cell: BuiltCell,
    batch: Batch,
    outputs: list[Values],
    finals: list[Values],
    checked: bool,
    after: list[Values] | None,
) -> tuple[Nested, Nested]:
    """What the caller gets: the last states, or those `after` all steps."""
    layout, states = batch.layout, finals
    if layout.packing is not None:
        outputs = [layout.results_out(rows, batch.lead) for rows in outputs]
        states = [layout.undealt(array) for array in finals]
    if checked:
        check_forward(cell, batch, outputs, states)
    if after is not None:
        states = [layout.rows_out(rows, batch.lead) for rows in after]
    return cell._signature.pack_outputs(outputs), cell._state_structure.pack(states)
