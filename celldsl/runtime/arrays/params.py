"""Parameters as people see them.  In: one flat array.  Out: a mapping of names to views of it.

    cell.params["r_u.W_x"]              # a view: writing in place takes effect
    cell.params["r_u.b"] = array        # copied in, after a check of shape and dtype
    cell.params.flat -= rate * grads.params.flat

How blocks lie in the flat array is the generated code's affair; names and shapes are the cell's.
"""

from __future__ import annotations

import ctypes
import sys
from array import array
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

import numpy as np

from celldsl.runtime.arrays.shapes import declared_words
from celldsl.runtime.arrays.validation import Values, check_array
from celldsl.runtime.description import Param
from celldsl.runtime.errors import nearest_name

Place = tuple[tuple[int, ...], int, tuple[int, ...]]


class Parameters(Mapping[str, Values]):
    """A mapping from names to views of one flat array, in order of declaration.

    Every access makes a new view, so that it is known whether anybody can have written since: views
    hold `_owner`, and its references are counted.
    """

    __slots__ = (
        "_accesses", "_memory", "_numbers", "_owner", "_places", "_references", "_size",
        "_unshared", "_words", "dtype",
    )  # fmt: skip

    def __init__(self, flat: Values, params: tuple[Param, ...], dims: Mapping[str, int]) -> None:
        self.dtype = flat.dtype
        self._size = flat.size
        # Views of an array, or of its memoryview, would hold the array, as everybody else does.
        self._owner: Any = (ctypes.c_char * flat.nbytes).from_buffer(flat.data)
        self._memory = memoryview(self._owner)
        self._unshared = sys.getrefcount(self._owner)
        self._references = ctypes.c_uint32.from_address(id(self._owner)).value
        self._places = {p.name: place_of(p, dims, flat.itemsize) for p in params}
        self._words = {p.name: declared_words(p.text, self._places[p.name][0]) for p in params}
        self._numbers = count()
        self._accesses = array("q", [next(self._numbers)])

    def over(self, flat: Values) -> Parameters:
        """A mapping with the same names and shapes over another flat array."""
        found = object.__new__(Parameters)
        found.dtype, found._memory, found._size = flat.dtype, flat.data, flat.size
        found._places, found._words = self._places, self._words
        found._owner, found._unshared, found._references = flat, 0, 0
        found._numbers = count()
        found._accesses = array("q", [next(found._numbers)])
        return found

    def freeze(self) -> None:
        """Lets nobody write from now on."""
        self._memory = self._memory.toreadonly()

    @property
    def flat(self) -> Values:
        """All parameters as one vector, for optimisers: a view too."""
        self._accesses[0] = next(self._numbers)
        view: Values = np.ndarray((self._size,), self.dtype, self._memory)
        return view

    @flat.setter
    def flat(self, value: Any) -> None:
        words = f"({self._size},)"
        self.flat[...] = check_array("flat", value, self.dtype, (self._size,), lambda: words)

    @property
    def version(self) -> int | None:
        """Another number after any access; None while somebody holds a view and may write."""
        return None if sys.getrefcount(self._owner) > self._unshared else self._accesses[0]

    @property
    def watched(self) -> tuple[int, int, int]:
        """For compiled code: where the number of the last access is, where the references to the
        owner are counted, and how many there are while nobody holds a view."""
        return self._accesses.buffer_info()[0], id(self._owner), self._references

    def __getitem__(self, name: str) -> Values:
        if name not in self._places:
            near = nearest_name(str(name), self._places)
            hint = f"did you mean {near}?" if near else f"there are {', '.join(self._places)}"
            raise KeyError(f"no {name}; {hint}")
        # Unlike sums, numbers of a counter are never the same in two threads.
        self._accesses[0] = next(self._numbers)
        shape, offset, strides = self._places[name]
        view: Values = np.ndarray(shape, self.dtype, self._memory, offset, strides)
        return view

    def __setitem__(self, name: str, value: Any) -> None:
        view = self[name]
        checked = check_array(name, value, view.dtype, view.shape, lambda: self._words[name])
        view[...] = checked

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __repr__(self) -> str:
        lines = [f"  {name}: {self._words[name]}" for name in self._places]
        return "\n".join([f"{len(lines)} arrays of {self.dtype}", *lines])


def place_of(param: Param, dims: Mapping[str, int], size: int) -> Place:
    """The shape of a parameter, and its offset and strides in bytes."""
    strides = tuple(size * stride for stride in param.strides(**dims))
    return tuple(param.shape(**dims)), size * param.offset(**dims), strides


def count_of(params: tuple[Param, ...], dims: Mapping[str, int]) -> int:
    """How many numbers the parameters hold; the flat array may have gaps."""
    return sum(int(np.prod(tuple(p.shape(**dims)), dtype=np.int64)) for p in params)
