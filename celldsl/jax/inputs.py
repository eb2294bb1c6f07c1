"""Inputs of integers, of truth values, and that last a sequence.  In: arrays.  Out: arrays.

    as_numbers(subject, inputs, dtype)      # for compiled passes: all of one dtype
    as_passed(subject, inputs)              # for plain code: integers and truth values again
    out_of_range(subject, inputs)           # (B,) where a traced integer is none of the cell's

Compiled passes take integers and truth values as numbers, in which they are exact.  An integer
picks a row in memory, so one that is out of range is brought into it before; where its value was
not known when a program was traced the results of that sequence are NaN then, as in plain code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from celldsl.jax.subject import Subject


def as_numbers(subject: Subject, inputs: Sequence[Any], dtype: Any) -> list[Any]:
    found = []
    for slot, value in zip(subject.inputs, inputs, strict=True):
        if slot.kind == "int":
            value = jnp.clip(value, 0, slot.limit - 1)
        found.append(value if slot.kind == "real" else value.astype(dtype))
    return found


def as_passed(subject: Subject, inputs: Sequence[Any]) -> list[Any]:
    """Numbers back to what they were; what is no number stays as it is."""
    kinds = {"int": jnp.int32, "bool": jnp.bool_}
    return [
        value.astype(kinds[slot.kind])
        if slot.kind in kinds and jnp.issubdtype(value.dtype, jnp.floating)
        else value
        for slot, value in zip(subject.inputs, inputs, strict=True)
    ]


def out_of_range(subject: Subject, inputs: Sequence[Any]) -> Any:
    """Which sequences have an integer out of range; None where all were looked at before."""
    found = None
    for slot, value in zip(subject.inputs, inputs, strict=True):
        if slot.kind == "int" and isinstance(value, jax.core.Tracer):
            wrong = (value < 0) | (value >= slot.limit)
            axis = 0 if slot.per == "sequence" else 1
            own = wrong.any([i for i in range(wrong.ndim) if i != axis])
            found = own if found is None else found | own
    return found


def spoiled(subject: Subject, found: Sequence[Any], wrong: Any) -> list[Any]:
    """Results of a pass that are NaN in the sequences where `wrong` (B,) is true."""
    count = len(subject.outputs)
    return [
        jnp.where(jnp.expand_dims(wrong, _others(array, 1 if i < count else 0)), jnp.nan, array)
        for i, array in enumerate(found)
    ]


def _others(array: Any, axis: int) -> list[int]:
    return [i for i in range(array.ndim) if i != axis]
