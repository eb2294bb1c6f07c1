"""Checks of what a user passes to `apply`.  In: arrays and tracers.  Out: the same, folded.

    inputs, batch = checked_inputs(subject, [x], timed=True)        # (T, B, I)
    batch.outward(y)                                                # (T, *lead, H)

Shapes and dtypes are known when a program is traced: messages come before anything runs, name the
argument and say what was expected in the cell's own dims.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from celldsl.jax.subject import Subject
from celldsl.runtime.arrays.inputs import refuse_one_hot
from celldsl.runtime.arrays.signature import Slot
from celldsl.runtime.arrays.validation import axis_words, shape_words
from celldsl.runtime.errors import ArgumentError, ArgumentTypeError, unknown_name

FORMS = ("kernels", "plain")


@dataclass(frozen=True, slots=True)
class Batch:
    """`lead` are the axes of a batch, which passes see as one; `timed` is false for one step."""

    steps: int
    lead: tuple[int, ...]
    dtype: Any
    timed: bool

    @property
    def size(self) -> int:
        return math.prod(self.lead)

    def outward(self, array: Any) -> Any:
        """An output (T, B, …) as the caller knows it."""
        own = array.shape[2:]
        return array.reshape(*([self.steps] if self.timed else []), *self.lead, *own)


def check_form(form: Any) -> str | None:
    if form is not None and form not in FORMS:
        raise ArgumentError(f'form: expected "kernels", "plain" or None, got {form!r}')
    return None if form is None else str(form)


def _array(name: str, value: Any, words: str) -> Any:
    """A JAX array or tracer, or a NumPy array; numbers have no shape of their own."""
    wide = isinstance(value, np.ndarray) and value.dtype == np.float64
    if wide and not jax.config.jax_enable_x64:
        raise ArgumentTypeError(
            f"{name}: expected float32, got float64, which JAX would round: pass "
            f'{name}.astype("float32"), or call jax.config.update("jax_enable_x64", True)'
        )
    if isinstance(value, (jax.Array, np.ndarray)):
        return jnp.asarray(value)
    raise ArgumentTypeError(
        f"{name}: expected an array {words}, got {type(value).__name__}; pass jnp.asarray({name})"
    )


def checked_params(subject: Subject, params: Any) -> list[Any]:
    """The arrays of a plain dict, in the cell's order."""
    if not isinstance(params, Mapping):
        raise ArgumentTypeError(
            f"params: expected a dict of arrays by name, got {type(params).__name__}"
        )
    names = [slot.name for slot in subject.params]
    for name in params:
        if name not in names:
            raise ArgumentError(f"params: {unknown_name(name, names)}")
    missing = [name for name in names if name not in params]
    if missing:
        raise ArgumentError(f"params: {', '.join(missing)} missing")
    found = []
    for slot in subject.params:
        words, label = shape_words(slot.axes, slot.shape), f'params["{slot.name}"]'
        array = _array(label, params[slot.name], words)
        if array.shape != slot.shape:
            raise ArgumentError(f"{label}: expected {words}, got {array.shape}")
        found.append(array)
    return found


def checked_inputs(subject: Subject, given: Sequence[Any], timed: bool) -> tuple[list[Any], Batch]:
    """Inputs as (T, B, …), those that last a sequence as (B, …).

    The first of each step says how many steps and sequences there are.
    """
    pairs = list(zip(subject.inputs, given, strict=True))
    known = next((pair for pair in pairs if pair[0].per == "step"), pairs[0])
    lead = _lead_of(*known, timed)
    steps, rest = (lead[0], lead[1:]) if timed else (1, lead)
    batch = Batch(steps, rest, None, timed)
    found = []
    for slot, value in pairs:
        here = _timed(slot, timed)
        array = _input(slot, value, _fixed_words(slot, lead if here else rest, here))
        if array.shape != (*(lead if here else rest), *slot.shape):
            words = _fixed_words(slot, lead if here else rest, here)
            raise ArgumentError(f"{slot.name}: expected {words}, got {array.shape}")
        folded = (batch.size,) if slot.per == "sequence" else (steps, batch.size)
        found.append(array.reshape(*folded, *slot.shape))
    return found, batch


def _timed(slot: Slot, timed: bool) -> bool:
    return timed and slot.per == "step"


def _lead_of(slot: Slot, value: Any, timed: bool) -> tuple[int, ...]:
    """The axes of steps and of the batch, as the first input has them."""
    here = _timed(slot, timed)
    words = _free_words(slot, here)
    array, own = _input(slot, value, words), len(slot.shape)
    if array.ndim < own + here or array.shape[array.ndim - own :] != slot.shape:
        raise ArgumentError(f"{slot.name}: expected {words}, got {array.shape}")
    lead: tuple[int, ...] = array.shape[: array.ndim - own]
    return lead


def _input(slot: Slot, value: Any, words: str) -> Any:
    """An array of what the input holds.  Integers are looked at where they are known."""
    if value is None:
        raise ArgumentTypeError(f"{slot.name}: no array was passed; expected {words}")
    array = _array(slot.name, value, words)
    wanted = {"int": (jnp.integer, "integers"), "bool": (jnp.bool_, "truth values")}
    if slot.kind in wanted:
        kind, told = wanted[slot.kind]
        if not jnp.issubdtype(array.dtype, kind):
            if slot.kind == "int":
                # How many axes a batch has is not known here.
                refuse_one_hot(slot.name, array.shape, array.ndim - 1, slot.limit)
            raise ArgumentTypeError(f"{slot.name}: expected {told}, got {array.dtype}")
    if slot.kind == "int" and not isinstance(value, jax.core.Tracer):
        known = np.asarray(value)
        wrong = known[(known < 0) | (known >= slot.limit)]
        if wrong.size:
            raise ArgumentError(
                f"{slot.name}: expected integers from 0 to {slot.limit - 1}, got {wrong[0]}"
            )
    return array


def _free_words(slot: Slot, timed: bool) -> str:
    own = [axis_words(axis, size) for axis, size in zip(slot.axes, slot.shape, strict=True)]
    return f"({', '.join([*(['T'] if timed else []), '…', *own])})"


def _fixed_words(slot: Slot, lead: tuple[int, ...], timed: bool) -> str:
    names = [f"T={lead[0]}", *map(str, lead[1:])] if timed else [str(size) for size in lead]
    own = [axis_words(axis, size) for axis, size in zip(slot.axes, slot.shape, strict=True)]
    parts = [*names, *own]
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def checked_states(subject: Subject, state: Any, batch: Batch) -> list[Any] | None:
    """Start states as (B, …); None where none is passed."""
    if state is None:
        return None
    found = []
    parts = subject.state_structure.unpack("state", state)
    for slot, value in zip(subject.states, parts, strict=True):
        label = f"state.{slot.name}"
        words = _fixed_words(slot, batch.lead, timed=False)
        if value is None:
            raise ArgumentTypeError(f"{label}: missing; expected {words}")
        array = _array(label, value, words)
        if array.shape != (*batch.lead, *slot.shape):
            raise ArgumentError(f"{label}: expected {words}, got {array.shape}")
        found.append(array.reshape(batch.size, *slot.shape))
    return found


def one_dtype(arrays: Iterable[tuple[str, Any]]) -> Any:
    """The dtype that all arrays have.  Raises for one that has another, or is not of real ones."""
    known: tuple[str, Any] | None = None
    for name, array in arrays:
        if not jnp.issubdtype(array.dtype, jnp.floating):
            wanted = "float32" if known is None else known[1]
            raise ArgumentTypeError(
                f"{name}: expected real numbers, got {array.dtype}; pass "
                f"{name}.astype(jnp.{wanted})"
            )
        if known is None:
            known = name, array.dtype
        elif array.dtype != known[1]:
            raise ArgumentTypeError(
                f"{name}: expected {known[1]}, which {known[0]} is of, got {array.dtype}; "
                f"pass {name}.astype(jnp.{known[1]})"
            )
    assert known is not None
    return known[1]


def checked_lengths(lengths: Any, batch: Batch) -> Any:
    """Lengths (B,), whose values are looked at where they are known."""
    if lengths is None:
        return None
    words = f"({', '.join(map(str, batch.lead))}{',' if len(batch.lead) == 1 else ''})"
    array = _array("lengths", lengths, f"{words} of integers")
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise ArgumentTypeError(
            f"lengths: expected integers, got {array.dtype}; pass lengths.astype(jnp.int32)"
        )
    if array.shape != batch.lead:
        raise ArgumentError(f"lengths: expected {words}, got {array.shape}")
    if not isinstance(lengths, jax.core.Tracer):
        known = np.asarray(lengths)
        wrong = known[(known < 0) | (known > batch.steps)]
        if wrong.size:
            raise ArgumentError(f"lengths: expected 0 to T={batch.steps}, got {wrong[0]}")
    return array.reshape(batch.size)


def checked_resets(resets: Any, batch: Batch) -> Any:
    """Resets (T, B) of truth values."""
    if resets is None:
        return None
    shape = (batch.steps, *batch.lead) if batch.timed else batch.lead
    first = [f"T={batch.steps}"] if batch.timed else []
    parts = [*first, *map(str, batch.lead)]
    words = f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    array = _array("resets", resets, f"{words} of truth values")
    if array.dtype != jnp.bool_:
        raise ArgumentTypeError(
            f"resets: expected truth values, got {array.dtype}: pass `resets != 0`"
        )
    if array.shape != shape:
        hint = ": arrays are time-major, pass resets.T" if array.shape == shape[::-1] else ""
        raise ArgumentError(f"resets: expected {words}, got {array.shape}{hint}")
    return array.reshape(batch.steps, batch.size)
