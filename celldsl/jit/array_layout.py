"""How NumPy keeps an array: where its object holds the address of its numbers."""

from __future__ import annotations

import ctypes

import numpy as np


def _pointer_offset() -> int:
    """How far into its object an array keeps the address of its numbers, in bytes."""
    probe = np.zeros(3)[1:]
    # After the fields that every object begins with.
    offset = object.__basicsize__
    found = ctypes.c_void_p.from_address(id(probe) + offset).value
    if found != probe.__array_interface__["data"][0]:
        raise ImportError("this NumPy keeps arrays in another way than celldsl knows")
    return offset


POINTER_OFFSET = _pointer_offset()
