"""Values that are not finite, made visible.  In: what a pass gave.  Out: nothing, or an error.

    cell.forward(x, check_numerics=True)
    # NonFiniteError: GRU: not finite at step 3, row 1, in `c = log(x)`: log(x)[2] is -inf, …

Results are looked at first, which is cheap.  Only where one is not finite the compiler is asked for
the equation: it evaluates the row in NumPy, operation by operation.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from celldsl.runtime.arrays.inputs import as_passed
from celldsl.runtime.arrays.state_structure import Nested
from celldsl.runtime.arrays.validation import Values, check_flag, warn_not_finite
from celldsl.runtime.cell.built import BuiltCell, Gradients
from celldsl.runtime.cell.compiler import compiler
from celldsl.runtime.errors import ArgumentError, NonFiniteError
from celldsl.runtime.exec.batches import Batch, Stretch, steps_done, stretch_of, total_steps
from celldsl.runtime.exec.tape import Tape

VARIABLE = "CELLDSL_CHECK_NUMERICS"
MOST_ROWS = 64  # are looked through where a gradient does not say whose it is


def checks_asked_for() -> bool:
    """Whether the environment asks for checks of every pass."""
    value = os.environ.get(VARIABLE, "")
    if value not in ("", "0", "1"):
        raise ArgumentError(f"{VARIABLE}: expected 0 or 1, got {value!r}")
    return value == "1"


def is_checked(asked: object, always: bool) -> bool:
    """Whether a pass is to be checked, by its argument or else by the environment."""
    return always if asked is None else check_flag("check_numerics", asked)


def check_forward(
    cell: BuiltCell, batch: Batch, outputs: list[Values], finals: list[Values]
) -> None:
    """Raises NonFiniteError where an output (T, B, …) or a final state (B, …) is not finite."""
    if all(warn_not_finite("", array, tell=False) for array in (*outputs, *finals)):
        return
    described, layout, lead = cell.description, batch.layout, batch.lead
    totals = total_steps(layout, lead)
    seen: list[tuple[int, int, str]] = []
    for each, array in zip(described.outputs, outputs, strict=True):
        places = steps_done(layout, lead, array)
        rows = np.argwhere(_bad(array, 2) & (places >= 0))
        seen += [(int(places[t, b]), int(b), each.name) for t, b in rows]
    for state, array in zip(described.states, finals, strict=True):
        seen += [(int(totals[b]), int(b), state.name) for b in np.flatnonzero(_bad(array, 1))]
    done, row, name = min(seen)
    stretch = stretch_of(layout, lead, row, min(done, int(totals[row]) - 1))
    found = _ask(cell, batch, stretch, None)
    raise _error(cell, stretch, found, f"{name} is not finite")


def checked_step(
    cell: BuiltCell, inputs: object, state: object, named: dict[str, object], resets: object
) -> tuple[Nested, Nested]:
    """A step whose results are looked at.  Raises NonFiniteError."""
    found: tuple[Nested, Nested] = cell._steppers.step(inputs, state, named, resets)
    arrays, _ = cell._signature.inputs(inputs, named, ("B",))
    check_step(cell, arrays, state, found, resets)
    return found


def check_step(
    cell: BuiltCell,
    inputs: list[Values],
    state: object,
    found: tuple[Nested, Nested],
    resets: object = None,
) -> None:
    """Raises NonFiniteError where an output or state of a step is not finite."""
    outputs = found[0] if isinstance(found[0], tuple) else (found[0],)
    states = cell._state_structure.unpack("state", found[1])
    if all(warn_not_finite("", array, tell=False) for array in (*outputs, *states)):
        return
    # The same as a sequence of one step, which is looked through.
    steps = {
        slot.name: as_passed(slot.kind, array if slot.per == "sequence" else array[None])
        for slot, array in zip(cell._signature.input_slots, inputs, strict=True)
    }
    once = None if resets is None else np.asarray(resets)[None]
    cell.forward(steps, state, resets=once, training=False, check_numerics=True)
    raise NonFiniteError(f"{cell.description.name}: a step is not finite")


def check_backward(
    cell: BuiltCell, tape: Tape, dy: list[Values], dstate: list[Values | None], grads: Gradients
) -> None:
    """Raises NonFiniteError where a gradient is not finite, for checked cotangents."""
    starts = cell._state_structure.unpack("state", grads.state)
    lasting = {each.name for each in cell.description.inputs if each.per == "sequence"}
    inputs = [array for name, array in grads.inputs.items() if name not in lasting]
    starts = [*starts, *(grads.inputs[name] for name in lasting if name in grads.inputs)]
    every = (grads.params.whole, *inputs, *starts)
    if all(warn_not_finite("", array, tell=False) for array in every):
        return
    named = {**grads.params, **grads.inputs}
    wrong = [name for name, array in named.items() if not np.isfinite(array).all()]
    seen = f"the gradient of {wrong[0] if wrong else 'a state'} is not finite"
    batch = Batch(tape.inputs, tape.starts, tape.layout, tape.lead)
    for row, done in _places_of(batch, inputs, starts):
        stretch = stretch_of(batch.layout, batch.lead, row, done)
        found = _ask(cell, batch, stretch, (dy, dstate), tape.every)
        if found is not None:
            raise _error(cell, stretch, found, seen, "going back, ")
    raise NonFiniteError(f"{cell.description.name}: {seen}")


def _places_of(batch: Batch, inputs: list[Values], starts: list[Values]) -> list[tuple[int, int]]:
    """(row, step as they are done) of gradients that are not finite, the first going back first.

    Where only those of parameters are not, any row may be it.
    """
    layout, lead = batch.layout, batch.lead
    found: list[tuple[int, int]] = []
    for array in inputs:
        done = np.where(_bad(array, 2), steps_done(layout, lead, array), -1)
        found += [(int(b), int(done[:, b].max())) for b in np.flatnonzero(done.max(axis=0) >= 0)]
    found.sort(key=lambda place: -place[1])
    for array in starts:
        found += [(int(b), 0) for b in np.flatnonzero(_bad(array, 1))]
    last = total_steps(layout, lead) - 1
    return found or [(b, int(last[b])) for b in range(min(len(last), MOST_ROWS)) if last[b] >= 0]


def _bad(array: Values, lead: int) -> Values:
    """Which rows have a number that is not finite, for all leading axes."""
    return np.asarray(~np.isfinite(array).all(axis=tuple(range(lead, array.ndim))))


def _ask(
    cell: BuiltCell,
    batch: Batch,
    stretch: Stretch,
    back: tuple[list[Values], list[Values | None]] | None,
    every: bool = False,
) -> Any:
    """What the compiler finds in a stretch; None where there is none or it finds nothing."""
    asked, described = compiler(), cell.description
    if asked is None or not described.sources:
        return None
    pairs = zip(described.inputs, batch.arrays, strict=True)
    known: dict[str, Values] = {}
    for each, array in pairs:
        if each.per == "sequence":
            known |= _by_row([each.name], [batch.layout.undealt(array)], stretch.row)
        else:
            known[each.name] = stretch.cut(batch.layout.inputs_out(array, batch.lead))
    for own in (cell.params, cell.consts):
        known |= {name: np.array(array) for name, array in own.over(own.whole).items()}
    names = [state.name for state in described.states]
    given = None
    if batch.starts is not None and stretch.given:
        passed = [batch.layout.undealt(array) for array in batch.starts]
        given = _by_row(names, passed, stretch.row)
    cotangents = None if back is None else _cotangents(cell, stretch, *back, every)
    asked_row = asked.Row(known, dict(cell.dims), stretch.steps, given)
    hypers, dtype = dict(cell.hypers), cell.dtype.name
    return asked.first_not_finite(described, hypers, asked_row, dtype, cotangents, every)


def _cotangents(
    cell: BuiltCell, stretch: Stretch, dy: list[Values], dstate: list[Values | None], every: bool
) -> tuple[dict[str, Values], dict[str, Values]]:
    """Those of outputs and of final states, as they reach a stretch by itself."""
    engine = cell._every if every else cell._engine
    assert engine is not None
    described = engine.description
    outputs = {o.name: stretch.cut(a) for o, a in zip(described.outputs, dy, strict=True)}
    finals = {
        state.name: np.zeros((1, *state.shape(**cell.dims)), cell.dtype)
        for state in described.states
    }
    if stretch.is_last:
        finals |= _by_row([*finals], dstate, stretch.row)
    return outputs, finals


def _by_row(names: list[str], arrays: Any, row: int) -> dict[str, Values]:
    pairs = zip(names, arrays, strict=True)
    return {name: array[row : row + 1] for name, array in pairs if array is not None}


def _error(
    cell: BuiltCell, stretch: Stretch, found: Any, seen: str, way: str = ""
) -> NonFiniteError:
    name, row = cell.description.name, stretch.row
    if found is None:
        return NonFiniteError(f"{name}: {seen}, row {row}", None, None, row)
    step = None if found.step is None else stretch.step_of(found.step)
    at = "before the first step" if step is None else f"at step {step}"
    equation = f" in `{found.equation}` (line {found.line})" if found.equation else ""
    told = f"{name}: {way}not finite first {at}, row {row}{equation}: {found.told}; {seen}"
    return NonFiniteError(told, found.equation, step, row, found.operands)
