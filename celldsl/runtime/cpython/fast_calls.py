"""Steps that Python calls directly.  In: what a step needs.  Out: a built-in function.

    step = fast_function("step", table, held)
    step(x, state)                  # (y, state), or None where the usual way has to look closer

For small cells a step takes compiled code less time than Python takes to check two arrays and to
make two more.  A direct function does all of that itself, by Python's and NumPy's own functions.
It does nothing, and returns None, unless inputs and state are plain arrays of the right shapes and
all that depends on parameters is up to date.  It keeps Python's lock: steps that take long are not
for it.

A table is an array of 64-bit words, as `CALL_…` say: addresses, and for each input, output and
state its number of axes and where its shape is.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from celldsl.jit.object_cache import Code
from celldsl.jit.translation import Translation
from celldsl.runtime.arrays.params import Parameters
from celldsl.runtime.arrays.validation import DType
from celldsl.runtime.cpython.abi import (
    CALL_ARRAY_TYPE,
    CALL_COUNT,
    CALL_COUNT_AT,
    CALL_DTYPE,
    CALL_INPUTS,
    CALL_JOB,
    CALL_NEW_ARRAY,
    CALL_NONE,
    CALL_OUTPUT_TYPE,
    CALL_OUTPUTS,
    CALL_PLACES,
    CALL_RUN,
    CALL_SLOTS,
    CALL_STATE_TYPE,
    CALL_STATES,
    CALL_TYPE_NUMBER,
    CALL_VERSION,
    CALL_VERSION_AT,
    OBJECT_FACTS,
    UNKNOWN_VERSION,
    words_of,
)

_NEW_ARRAY = 93  # PyArray_New in NumPy's table of functions
_TAKES_ARRAY_OF_ARGUMENTS = 0x80


class StepJob(Protocol):
    """A job that one worker does: where its words are, what runs it, and where the places of the
    step's own arrays are."""

    address: int
    code: int
    changing: int


class CallTable(np.ndarray[Any, np.dtype[np.int64]]):
    """The words, what they point to, and what says where the function over them is."""

    held: Any
    method: _Method


class _Method(ctypes.Structure):
    """PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("code", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


def call_table(
    dtype: DType,
    shapes: Sequence[Sequence[tuple[int, ...]]],
    types: tuple[type | None, type],
    job: StepJob,
    params: Parameters,
) -> CallTable:
    """A table for a job, the shapes of its inputs, outputs and states, and the types of tuples of
    the last two.  Nobody has derived anything from the parameters yet."""
    slots = [np.array(shape, np.int64) for group in shapes for shape in group]
    inputs, outputs, states = map(len, shapes)
    version, references, unshared = params.watched
    words = {
        CALL_VERSION: UNKNOWN_VERSION,
        CALL_VERSION_AT: version,
        CALL_COUNT: unshared,
        CALL_COUNT_AT: references,
        CALL_RUN: job.code,
        CALL_JOB: job.address,
        CALL_PLACES: job.changing,
        CALL_INPUTS: inputs,
        CALL_OUTPUTS: outputs,
        CALL_STATES: states,
        CALL_OUTPUT_TYPE: 0 if types[0] is None else id(types[0]),
        CALL_STATE_TYPE: id(types[1]),
        CALL_ARRAY_TYPE: id(np.ndarray),
        CALL_DTYPE: id(dtype),
        CALL_TYPE_NUMBER: dtype.num,
        CALL_NONE: id(None),
        **dict(enumerate(_functions(), CALL_NEW_ARRAY)),
    }
    table = np.zeros(CALL_SLOTS + 2 * len(slots), np.int64).view(CallTable)
    for place, word in words.items():
        table[place] = word
    for place, slot in enumerate(slots):
        table[CALL_SLOTS + 2 * place :][:2] = len(slot), slot.ctypes.data
    table.held = dtype, slots, types, job, params
    return table


def fast_function(entry: str, table: CallTable) -> Any:
    """The built-in function over a table: "step" or "stream"."""
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype = ctypes.py_object
    make.argtypes = [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
    # A function reads it at every call, and of all that is here keeps the table alone.
    table.method = _methods()[entry]
    return make(ctypes.addressof(table.method), table, None)


@cache
def _methods() -> dict[str, _Method]:
    names = ("step", "stream")
    symbols = [f"celldsl_fast_{name}" for name in names]
    found = Code("fast_calls", symbols, _compiled_fast_calls, OBJECT_FACTS).addresses()
    return {
        name: _Method(name.encode(), code, _TAKES_ARRAY_OF_ARGUMENTS, None)
        for name, code in zip(names, found, strict=True)
    }


def _compiled_fast_calls() -> list[Translation]:
    from celldsl.jit.compile import compile_symbols
    from celldsl.runtime.cpython.fast_steps import FAST_ENTRIES

    return compile_symbols(FAST_ENTRIES, "float64")


@cache
def _functions() -> list[int]:
    """Where the functions are that a direct function calls."""
    api = ctypes.pythonapi
    names = (
        "PyType_GenericAlloc", "PyTuple_New", "PyTuple_GetItem", "PyTuple_SetItem",
        "Py_IncRef", "Py_DecRef",
    )  # fmt: skip
    found = [ctypes.cast(getattr(api, name), ctypes.c_void_p).value or 0 for name in names]
    pointer = api.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    table_of_functions = pointer(_array_api(), None)
    return [words_of(table_of_functions, _NEW_ARRAY + 1)[_NEW_ARRAY], *found]


def _array_api() -> Any:
    """NumPy's table of functions.  Before NumPy 2 `numpy._core` is there too, without the table."""
    found = (_multiarray_of(package) for package in ("numpy._core", "numpy.core"))
    table = next((each._ARRAY_API for each in found if hasattr(each, "_ARRAY_API")), None)
    if table is None:
        raise ImportError(f"NumPy {np.__version__} has no table of functions where it should be")
    return table


def _multiarray_of(package: str) -> Any:
    try:
        return import_module(f"{package}.multiarray")
    except ImportError:
        return None
