"""A batch as kernels take it.  In: what a caller passed.  Out: checked arrays, states, a layout.

batch = make_batch(engine, signature, x, {}, state, lengths=None, reverse=False)
batch.arrays, batch.starts          # rows, and (B, …) or None
batch.lead                          # (T, B)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from celldsl.runtime.arrays.signature import Signature
from celldsl.runtime.arrays.validation import Values, check_flag, check_lengths, check_resets
from celldsl.runtime.exec.batch_layout import (
    BatchLayout,
    dense_layout,
    layout_with_resets,
    packed_layout,
)
from celldsl.runtime.exec.executor import Engine
from celldsl.runtime.exec.own_copies import OwnCopies
from celldsl.runtime.row_plan import plan_rows
from celldsl.runtime.threads.thread_count import parts_for


@dataclass(slots=True)
class Batch:
    """`starts` are None where no state was passed; `lead` is (T, B)."""

    arrays: list[Values]
    starts: list[Values] | None
    layout: BatchLayout
    lead: tuple[int, ...]


def make_batch(
    engine: Engine,
    signature: Signature,
    inputs: object,
    named: Mapping[str, object],
    state: object,
    lengths: object = None,
    reverse: object = False,
    resets: object = None,
    own: tuple[Collection[str], OwnCopies] | None = None,
    own_states: bool = False,
) -> Batch:
    """Raises ArgumentError and ArgumentTypeError.

    `own` has names of inputs that are to be the batch's own, and what copies them; so are states
    with `own_states`.
    """
    if reverse is not False:
        reverse = check_flag("reverse", reverse)
    if lengths is not None:  # packing copies all rows in any case
        own = None
    arrays, lead = signature.inputs(inputs, named, ("T", "B"), own)
    steps, batch = lead
    copied = own[1] if own is not None and own_states else None
    starts = None if state is None else signature.states("state", state, batch, copied)
    if resets is not None:
        resets = check_resets(resets, (steps, batch), ("T", "B"))
    if lengths is None:
        parts = parts_for(batch, engine.flop_estimate(steps * batch))
        layout = dense_layout(steps, batch, parts, reverse)
    else:
        lengths = check_lengths(lengths, steps, batch)
        parts = parts_for(batch, engine.flop_estimate(int(lengths.sum())))
        layout = packed_layout(lengths, steps, parts, reverse)
        arrays = [
            layout.dealt(array) if slot.per == "sequence" else layout.rows_in(array)
            for slot, array in zip(signature.input_slots, arrays, strict=True)
        ]
        starts = None if starts is None else [layout.dealt(array) for array in starts]
    if resets is not None and np.count_nonzero(resets):
        layout = layout_with_resets(layout, resets)
    return Batch(arrays, starts, layout, lead)


def inputs_out(
    signature: Signature, layout: BatchLayout, arrays: list[Values], lead: tuple[int, ...]
) -> list[Values]:
    """Gradients of inputs as the caller has the inputs; those that have none stay as they are."""
    found = []
    for slot, array in zip(signature.input_slots, arrays, strict=True):
        if slot.kind != "real":
            found.append(array)
        elif slot.per == "sequence":
            found.append(layout.undealt(array))
        else:
            found.append(layout.rows_out(array, lead))
    return found


def own_starts(engine: Engine) -> list[Values]:
    """The states (1, …) that the cell starts from: the last ones of a run of no steps."""
    nothing, starts = engine.no_inputs(), engine.no_starts
    return engine.forward(plan_rows(0, 1, 1, False, False), nothing, starts).finals


def reset_rows(engine: Engine, starts: list[Values] | None, resets: Values) -> list[Values] | None:
    """States (B, …) with the cell's own start in the rows where `resets` (B,) is true."""
    if starts is None or not resets.any():
        return starts
    found = [array.copy() for array in starts]
    for array, own in zip(found, own_starts(engine), strict=True):
        array[resets] = own
    return found
