"""A batch as kernels take it.  In: what a caller passed.  Out: checked arrays, states, a layout.

batch = make_batch(engine, signature, x, {}, state, lengths=None, reverse=False)
batch.arrays, batch.starts          # rows, and (B, …) or None
batch.lead                          # (T, B)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from celldsl.runtime.arrays.signature import Signature
from celldsl.runtime.arrays.validation import Values, check_flag, check_lengths
from celldsl.runtime.exec.batch_layout import BatchLayout, dense_layout, packed_layout
from celldsl.runtime.exec.executor import Engine
from celldsl.runtime.exec.tape import OwnCopies
from celldsl.runtime.threads.thread_count import parts_for


@dataclass(frozen=True, slots=True)
class Kept:
    """What a backward pass will read: those inputs, and the start states where it says so."""

    copies: OwnCopies
    inputs: Collection[str]
    starts: bool


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
    lengths: Any,
    reverse: Any,
    kept: Kept | None = None,
) -> Batch:
    """Raises ArgumentError and ArgumentTypeError.  What is `kept` becomes the batch's own."""
    reverse = check_flag("reverse", reverse)
    own, own_starts = None, None
    if kept is not None and lengths is None:  # packing copies all rows in any case
        own = dict.fromkeys(kept.inputs, kept.copies)
        own_starts = kept.copies if kept.starts else None
    arrays, lead = signature.inputs(inputs, named, ("T", "B"), own)
    steps, batch = lead
    starts = signature.states("state", state, batch, own_starts)
    if lengths is None:
        parts = parts_for(batch, engine.flop_estimate(steps * batch))
        return Batch(arrays, starts, dense_layout(steps, batch, parts, reverse), lead)
    lengths = check_lengths(lengths, steps, batch)
    parts = parts_for(batch, engine.flop_estimate(int(lengths.sum())))
    layout = packed_layout(lengths, steps, parts, reverse)
    rows = [layout.rows_in(array) for array in arrays]
    return Batch(
        rows, None if starts is None else [layout.batch_in(s) for s in starts], layout, lead
    )
