"""Inputs that are not numbers of each step.  In: a declared input.  Out: its arrays.

    integers("token", value, dtype, (None, 32), 256, words)     # integers below 256, as numbers
    lead_of("sequence", ("T", "B"))                             # ("B",)

Kernels are given numbers of the cell's dtype, in which integers and truth values are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from celldsl.runtime.arrays.validation import DType, Expected, Values, check_array
from celldsl.runtime.description import Array
from celldsl.runtime.errors import ArgumentError, ArgumentTypeError

T = TypeVar("T")
# The integers up to which every one is a number of the dtype.
EXACT = {"float32": 2**24, "float64": 2**53}


def lead_of(per: str, lead: Sequence[T]) -> tuple[T, ...]:
    """The leading axes of an input, of those of a call: time is the first of two."""
    return tuple(lead[-1:] if per == "sequence" else lead)


def check_limit(name: str, limit: int, dtype: DType) -> int:
    """The number of values of an integer input, all of which the dtype must have."""
    most = EXACT[dtype.name]
    if limit > most:
        raise ArgumentError(
            f"{name}: integers below {limit:,} are not exact in {dtype}, which has {most:,} of them"
        )
    return limit


def integers(
    name: str, value: object, dtype: DType, shape: Expected, limit: int, words: Callable[[], str]
) -> Values:
    """Integers from 0 to `limit` - 1, as numbers of the cell's dtype.

    Raises ArgumentTypeError for another dtype, ArgumentError for another shape, and for an integer
    out of range, with its place.
    """
    if isinstance(value, np.ndarray):
        refuse_one_hot(name, value.shape, len(shape), limit)
    found = _of_kind(name, value, "iu", "integers", f"{name}.astype(np.int64)")
    array = check_array(name, found, found.dtype, shape, words)
    wrong = (array < 0) | (array >= limit)
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        told = f"{name}[{', '.join(map(str, place))}] is {array[place]}"
        raise ArgumentError(f"{name}: expected integers from 0 to {limit - 1}, but {told}")
    return array.astype(dtype)


def refuse_one_hot(name: str, shape: Sequence[int], rank: int, limit: int) -> None:
    """Raises ArgumentTypeError for an array with one axis more than `rank`, of `limit` values."""
    if len(shape) == rank + 1 and shape[-1] == limit:
        told = f"a last axis of {limit} looks one-hot; pass {name}.argmax(-1)"
        raise ArgumentTypeError(f"{name}: expected integers from 0 to {limit - 1}: {told}")


def truths(
    name: str, value: object, dtype: DType, shape: Expected, words: Callable[[], str]
) -> Values:
    """Truth values as 0 and 1."""
    found = _of_kind(name, value, "b", "truth values", f"{name} != 0")
    return check_array(name, found, found.dtype, shape, words).astype(dtype)


def as_passed(kind: str, array: Values) -> Values:
    """What `integers` and `truths` made numbers of, as a caller passes it."""
    if kind == "int":
        return array.astype(np.int64)
    return array != 0 if kind == "bool" else array


def _of_kind(name: str, value: object, kinds: str, wanted: str, better: str) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.kind not in kinds:
        raise ArgumentTypeError(f"{name}: expected {wanted}, got {value.dtype}; pass {better}")
    if not isinstance(value, np.ndarray):
        # What is no array is told with the dtype that it would have.
        check_array(name, value, "int64" if kinds == "iu" else "bool", (), str)
    return value


def drawn_input(
    described: Array,
    dims: Mapping[str, int],
    lead: Sequence[int],
    random: np.random.Generator,
    dtype: np.typing.DTypeLike = np.float64,
) -> Values:
    """An array of an input for steps and sequences: normal numbers, any integers, any truths."""
    shape = (*lead_of(described.per, lead), *described.shape(**dims))
    if described.kind == "int":
        assert described.limit is not None
        return random.integers(0, described.limit(**dims), size=shape)
    if described.kind == "bool":
        return random.random(shape) < 0.5
    return random.normal(size=shape).astype(dtype)


def of_step(described: Array, array: Values, step: int) -> Values:
    """What `step` takes of an input: (B, …)."""
    return array if described.per == "sequence" else np.ascontiguousarray(array[step])


def of_steps(described: Array, array: Values, steps: slice, rows: slice = slice(None)) -> Values:
    """Some steps and sequences of an input, in memory of their own."""
    part = array[rows] if described.per == "sequence" else array[steps, rows]
    return np.ascontiguousarray(part)
