"""Values of a cell over time.  In: a batch, and names of values.  Out: arrays (T, B, …) by name.

    trace_values(cell, batch, ["r", "u"])       # {"r": …, "u": …}

The cell runs as in a call, and keeps the states around every step.  From these and the inputs the
values are computed by code of their own: the same equations, over all steps at once.  What is an
output or a next state is that of the call itself, with its bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import ModuleType

import numpy as np

from celldsl.runtime.arrays.inputs import as_passed, lead_of
from celldsl.runtime.arrays.state_structure import Nested
from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.cell.built import BuiltCell
from celldsl.runtime.cell.compiler import compiler_for
from celldsl.runtime.description import Description
from celldsl.runtime.errors import ArgumentTypeError, UnknownNameError, unknown_name
from celldsl.runtime.exec.batches import Batch, make_batch, total_steps
from celldsl.runtime.exec.sequences import rows_before, run_once, run_with_states


def trace_values(cell: BuiltCell, batch: Batch, names: object) -> dict[str, Values]:
    """`names` may be None: all that equations define.  Raises UnknownNameError."""
    asked = compiler_for(cell.description, "trace")
    values = {each.name: each for each in asked.values(cell.description)}
    states = [state.name for state in cell.description.states]
    wanted = list(values) if names is None else check_names(names, [*values, *states])
    found, before = _of_the_call(cell, batch, values)
    rest = [values[name] for name in wanted if name not in found]
    lead = batch.lead
    data = [*_inputs(cell, batch), *before]
    once = tuple(value.name for value in rest if value.once)
    always = tuple(value.name for value in rest if not value.once)
    found |= _computed(cell, asked, always, data, total_steps(batch.layout, lead))
    if once:
        found |= _everywhere(_computed(cell, asked, once, _one(cell), None), lead)
    return {
        name: found[name] != 0 if name in values and values[name].boolean else found[name]
        for name in wanted
    }


def known_names(described: Description) -> list[str]:
    """All that may be asked for: what equations define, then states."""
    values = compiler_for(described, "trace").values(described)
    return [*(value.name for value in values), *(state.name for state in described.states)]


def check_names(names: object, known: list[str]) -> list[str]:
    """Names without repetitions.  Raises UnknownNameError for one that is not known."""
    if isinstance(names, str):
        raise ArgumentTypeError(f"names: expected a list of names; write names=[{names!r}]")
    if not isinstance(names, Iterable) or isinstance(names, Mapping):
        kind = type(names).__name__
        raise ArgumentTypeError(f'names: expected a list of names, as in names=["r"], got {kind}')
    found = list(dict.fromkeys(names))
    for name in found:
        if name not in known:
            raise _unknown(name, known)
    return found


def _unknown(name: object, known: list[str]) -> UnknownNameError:
    """With what is called so in an inner cell, a function or a loop."""
    own = str(name).rstrip("'")
    parts = {each: each.replace("'", "").split(".") for each in known}
    inside = [each for each, words in parts.items() if own in (words[-1], words[0])]
    if inside:
        return UnknownNameError(f"no {name}; did you mean {inside[0]}?")
    return unknown_name(name, known)


def _of_the_call(
    cell: BuiltCell, batch: Batch, values: Mapping[str, Nested]
) -> tuple[dict[str, Values], list[Values]]:
    """What a call gives by itself, by the names of values and states; and the states going in."""
    engine, layout, lead = cell._engine, batch.layout, batch.lead
    run, rows = run_with_states(engine, layout, batch.arrays, batch.starts)
    outputs = [layout.results_out(each, lead) for each in run.outputs]
    before = [layout.rows_out(each, lead) for each in rows_before(engine, run)]
    after = [layout.rows_out(each, lead) for each in rows]
    states = [state.name for state in cell.description.states]
    own = {
        "output": dict(zip(cell._signature.output_names, outputs, strict=True)),
        "next": dict(zip(states, after, strict=True)),
    }
    found = dict(zip(states, before, strict=True))
    for name, value in values.items():
        if value.same is not None:
            kind, of = value.same
            found[name] = own[kind][of]
    return found, before


def _computed(
    cell: BuiltCell,
    asked: ModuleType,
    names: tuple[str, ...],
    data: list[Values],
    lengths: Values | None,
) -> dict[str, Values]:
    """Values of all steps, from inputs and states (T, B, …); zeros past a length."""
    if not names:
        return {}
    twin = asked.observing(cell.description, names)._rebuild(*cell.__reduce__()[1])
    engine, passed = twin._engine, tuple(data)
    batch = make_batch(engine, twin._signature, passed, {}, None, lengths, False)
    run = run_once(engine, batch.layout, batch.arrays, batch.starts)
    arrays = (batch.layout.results_out(rows, batch.lead) for rows in run.outputs)
    return dict(zip(names, arrays, strict=True))


def _inputs(cell: BuiltCell, batch: Batch) -> list[Values]:
    """As the caller passed them: (T, B, …), or (B, …) where they last a sequence."""
    layout, found = batch.layout, []
    for slot, array in zip(cell._signature.input_slots, batch.arrays, strict=True):
        lasts = slot.per == "sequence"
        own = layout.undealt(array) if lasts else layout.inputs_out(array, batch.lead)
        found.append(as_passed(slot.kind, own))
    return found


def _one(cell: BuiltCell) -> list[Values]:
    """One step of one sequence: what does not depend on it is the same for all."""
    signature = cell._signature
    inputs = [
        as_passed(slot.kind, np.zeros((*lead_of(slot.per, (1, 1)), *slot.shape), cell.dtype))
        for slot in signature.input_slots
    ]
    return inputs + [np.zeros((1, 1, *slot.shape), cell.dtype) for slot in signature.state_slots]


def _everywhere(found: Mapping[str, Values], lead: tuple[int, ...]) -> dict[str, Values]:
    """Views of one value for every step, which nobody can write to."""
    return {
        name: np.broadcast_to(array[0, 0], (*lead, *array.shape[2:]))
        for name, array in found.items()
    }
