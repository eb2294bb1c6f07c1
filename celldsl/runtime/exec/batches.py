"""A batch as kernels take it.  In: what a caller passed.  Out: checked arrays, states, a layout.

batch = make_batch(engine, signature, x, {}, state, lengths=None, reverse=False)
batch.arrays, batch.starts          # rows, and (B, …) or None
batch.lead                          # (T, B)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from celldsl.runtime.arrays.signature import Signature
from celldsl.runtime.arrays.validation import Values, check_flag, check_lengths, check_resets
from celldsl.runtime.exec.batch_layout import (
    BatchLayout,
    dense_layout,
    episode_layout,
    packed_layout,
)
from celldsl.runtime.exec.executor import Engine, ForwardRun, Numbers
from celldsl.runtime.exec.tape import OwnCopies
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
    inputs: Any,
    named: Mapping[str, Any],
    state: Any,
    lengths: Any = None,
    reverse: Any = False,
    resets: Any = None,
    own: tuple[Collection[str], OwnCopies] | None = None,
    own_states: bool = False,
) -> Batch:
    """Raises ArgumentError and ArgumentTypeError.

    `own` has names of inputs that are to be the batch's own, and what copies them; so are states
    with `own_states`.
    """
    if reverse is not False:
        reverse = check_flag("reverse", reverse)
    cut = resets is not None and not _is_all_false(resets)
    if cut or lengths is not None:  # packing copies all rows in any case
        own = None
    arrays, lead = signature.inputs(inputs, named, ("T", "B"), own)
    steps, batch = lead
    copied = own[1] if own is not None and own_states else None
    starts = None if state is None else signature.states("state", state, batch, copied)
    if resets is not None:
        resets = check_resets(resets, (steps, batch), ("T", "B"))
    if lengths is None and not cut:
        parts = parts_for(batch, engine.flop_estimate(steps * batch))
        return Batch(arrays, starts, dense_layout(steps, batch, parts, reverse), lead)
    lengths = None if lengths is None else check_lengths(lengths, steps, batch)
    work = steps * batch if lengths is None else int(lengths.sum())
    parts = parts_for(batch, engine.flop_estimate(work))
    layout = (
        episode_layout(resets, lengths, parts, reverse)
        if cut
        else packed_layout(lengths, steps, parts, reverse)
    )
    rows = [
        layout.sequences_in(array) if slot.per == "sequence" else layout.rows_in(array)
        for slot, array in zip(signature.input_slots, arrays, strict=True)
    ]
    return Batch(rows, _dealt(engine, layout, starts), layout, lead)


def inputs_out(
    signature: Signature, layout: BatchLayout, arrays: list[Values], lead: tuple[int, ...]
) -> list[Values]:
    """Gradients of inputs as the caller has the inputs; those that have none stay as they are."""
    found = []
    for slot, array in zip(signature.input_slots, arrays, strict=True):
        if slot.kind != "real":
            found.append(array)
        elif slot.per == "sequence":
            found.append(layout.sequences_out(array))
        else:
            found.append(layout.rows_out(array, lead))
    return found


def _is_all_false(resets: Any) -> bool:
    """Whether nothing is reset, as in most batches: then nothing is packed."""
    return isinstance(resets, np.ndarray) and resets.dtype == np.bool_ and not resets.any()


def _dealt(engine: Engine, layout: BatchLayout, starts: list[Values] | None) -> list[Values] | None:
    """States as kernels take them; a piece that a reset begins has the cell's own start."""
    if starts is None:
        return None
    own = [None] * len(starts) if layout.episodes is None else own_starts(engine).finals
    return [layout.starts_in(array, one) for array, one in zip(starts, own, strict=True)]


def own_starts(engine: Engine, keep: bool = False, numbers: Numbers | None = None) -> ForwardRun:
    """A run of no steps of one sequence: its last states are those that the cell starts from."""
    nothing = engine.no_inputs()
    return engine.forward(plan_rows(0, 1, 1, keep, False), nothing, engine.no_starts, numbers)


def reset_rows(engine: Engine, starts: list[Values] | None, resets: Values) -> list[Values] | None:
    """States (B, …) with the cell's own start in the rows where `resets` (B,) is true."""
    if starts is None or not resets.any():
        return starts
    found = [array.copy() for array in starts]
    for array, own in zip(found, own_starts(engine).finals, strict=True):
        array[resets] = own
    return found
