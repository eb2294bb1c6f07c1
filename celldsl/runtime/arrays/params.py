"""Parameters as people see them.  In: one flat array.  Out: a mapping of names to views of it.

    cell.params["r_u.W_x"]              # a view: writing in place takes effect
    cell.params["r_u.b"] = array        # copied in, after a check of shape and dtype
    cell.params.flat -= rate * grads.params.flat
    best = cell.params.copy()           # a snapshot with memory of its own
    cell.params.assign(best)            # all of them, by name

How blocks lie in the flat array is the generated code's affair; names and shapes are the cell's.
"""

from __future__ import annotations

import ctypes
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from celldsl.runtime.arrays.state_structure import Rebuilding
from celldsl.runtime.arrays.validation import Values, check_array, declared_words, warn_not_finite
from celldsl.runtime.cpython.abi import reference_word
from celldsl.runtime.description import Param
from celldsl.runtime.errors import ArgumentError, ArgumentTypeError, unknown_name

NOTHING: Mapping[str, object] = {}
View = tuple[tuple[int, ...], int, tuple[int, ...]]


class Parameters(Mapping[str, Values]):
    """A mapping from names to views of one flat array, in order of declaration.

    Every access makes a new view, so that it is known whether anybody can have written since: views
    hold `_owner`, and its references are counted.
    """

    __slots__ = (
        "_accesses", "_memory", "_numbers", "_owner", "_references", "_size", "_unshared",
        "_views", "_words", "before_access", "dtype",
    )  # fmt: skip

    def __init__(self, flat: Values, params: tuple[Param, ...], dims: Mapping[str, int]) -> None:
        self.dtype = flat.dtype
        self._size = flat.size
        # Views of an array, or of its memoryview, would hold the array, as everybody else does.
        self._owner: object = (ctypes.c_char * flat.nbytes).from_buffer(flat.data)
        self._memory = memoryview(self._owner)
        self._unshared = sys.getrefcount(self._owner)
        self._references = reference_word(id(self._owner))
        self._views = {p.name: view_of(p, dims, flat.itemsize) for p in params}
        self._words = {p.name: declared_words(p.text, self._views[p.name][0]) for p in params}
        self._numbers = count()
        self._accesses = array("q", [next(self._numbers)])
        # Called before a view is handed out, through which numbers may change.
        self.before_access: Callable[[], None] | None = None

    def over(self, flat: Values) -> Parameters:
        """A mapping with the same names and shapes over another flat array."""
        return _laid_over(flat, self._views, self._words)

    def copy(self) -> Parameters:
        """A snapshot: the same names and values, in memory of its own."""
        return self.over(self.whole.copy())

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, object]) -> Parameters:
        found = memo[id(self)] = self.copy()
        return found

    def __reduce__(self) -> Rebuilding:
        return _laid_over, (self.whole.copy(), self._views, self._words)

    def freeze(self) -> None:
        """Lets nobody write from now on: whoever asks gets a copy that cannot be made writable."""
        self._memory = memoryview(self._memory.tobytes())

    def touch(self) -> None:
        """Counts as an access: what was derived from the numbers is derived again."""
        # Unlike sums, numbers of a counter are never the same in two threads.
        self._accesses[0] = next(self._numbers)

    @property
    def flat(self) -> Values:
        """All parameters as one vector, for optimisers: a view too."""
        self._open()
        return self.whole

    @flat.setter
    def flat(self, value: object) -> None:
        words = f"({self._size},)"
        self._refuse_consts([*self._views][:1])
        own = self.flat
        checked = check_array("flat", value, self.dtype, (self._size,), lambda: words)
        if checked.ctypes.data != own.ctypes.data:  # which it is after `flat -= …`
            own[...] = checked
        self._warn_of_flat(own)

    @property
    def whole(self) -> Values:
        """All of them, for those who only read: counts as no access."""
        view: Values = np.ndarray((self._size,), self.dtype, self._memory)
        return view

    def _open(self) -> None:
        if self.before_access is not None:
            self.before_access()
        self.touch()

    def _view(self, name: str) -> Values:
        shape, offset, strides = self._views[name]
        view: Values = np.ndarray(shape, self.dtype, self._memory, offset, strides)
        return view

    @property
    def version(self) -> int | None:
        """Another number after any access; None while somebody holds a view and may write."""
        return None if sys.getrefcount(self._owner) > self._unshared else self._accesses[0]

    @property
    def watched(self) -> tuple[int, int, int]:
        """For compiled code: where the number of the last access is, where the references to the
        owner are counted, and how many there are while nobody holds a view."""
        return self._accesses.buffer_info()[0], id(self._owner), self._references

    def first_difference(self, other: Values) -> str | None:
        """The first parameter whose bits are others in another flat array."""
        own, whole = self.whole, np.dtype(f"i{self.dtype.itemsize}")
        if np.array_equal(own.view(whole), other.view(whole)):
            return None
        before = self.over(other)
        for name in self._views:
            if self._view(name).tobytes() != before._view(name).tobytes():
                return name
        return None  # a gap between parameters

    def __getitem__(self, name: str) -> Values:
        if name not in self._views:
            raise unknown_name(name, self._views)
        self._open()
        return self._view(name)

    def __setitem__(self, name: str, value: object) -> None:
        self._refuse_consts([name])
        view = self[name]
        view[...] = checked = self._fitting(name, value)
        warn_not_finite(name, checked)

    def assign(self, values: Mapping[str, object]) -> None:
        """Copies the values of all parameters in, by name: all of them or none.

        Raises ArgumentError where a name is missing or too many, or an array does not fit.
        """
        names = self._names_of(values)
        missing = [name for name in self._views if name not in names]
        if missing:
            raise ArgumentError(f"{', '.join(missing)}: missing; `update` takes some of them alone")
        self.update(values)

    def update(self, values: Mapping[str, object] = NOTHING, /, **named: object) -> None:
        """Copies some values in, by name: all that are given or none.  Raises as `assign` does."""
        names = self._names_of(values)
        if named:
            values = {**values, **named}
            names = self._names_of(values)
        self._refuse_consts(names)
        checked = {name: self._fitting(name, values[name]).copy() for name in names}
        for name, new in checked.items():
            self[name][...] = new
        for name, new in checked.items():
            warn_not_finite(name, new)

    def _refuse_consts(self, names: Iterable[str]) -> None:
        """Raises ArgumentError where nobody may write."""
        for name in names:
            if name in self._views and self._memory.readonly:
                raise ArgumentError(
                    f"{name}: consts stay as the cell was built; build another with {name}=array"
                )

    def __ior__(self, values: Mapping[str, object]) -> Parameters:
        self.update(values)
        return self

    def __or__(self, values: Mapping[str, object]) -> dict[str, object]:
        return {**self, **values} if isinstance(values, Mapping) else NotImplemented

    def __ror__(self, values: Mapping[str, object]) -> dict[str, object]:
        return {**values, **self} if isinstance(values, Mapping) else NotImplemented

    if not TYPE_CHECKING:  # which would take any name for known

        def __getattr__(self, name: str) -> object:
            if name.startswith("_"):
                raise AttributeError(name)
            own = [each for each in self._views if each.partition(".")[0] == name]
            told = f'parameters have no attribute "{name}"'
            if own:
                told += f"; they are a mapping: write params[{own[0]!r}]"
            raise AttributeError(told)

    def __array__(self, *_: object, **__: object) -> NoReturn:
        """Without it NumPy would make an array of the names."""
        raise ArgumentTypeError(
            "parameters are several arrays by name; as one vector they are `params.flat`"
        )

    def __eq__(self, other: object) -> bool:
        """Whether names and values are the same."""
        if not isinstance(other, Mapping):
            return NotImplemented
        return self.keys() == other.keys() and all(
            np.array_equal(self._view(name), other[name]) for name in self._views
        )

    __hash__ = None  # type: ignore[assignment]

    def _names_of(self, values: Mapping[str, object]) -> list[str]:
        if not isinstance(values, Mapping):
            kind = type(values).__name__
            raise ArgumentTypeError(f"expected a mapping of names to arrays, got {kind}")
        for name in values:
            if name not in self._views:
                raise unknown_name(name, self._views)
        return list(values)

    def _fitting(self, name: str, value: object) -> Values:
        """An array that fits, or a number for a parameter of shape []."""
        shape = self._views[name][0]
        if not shape and is_number(value):
            return np.array(value, self.dtype)
        return check_array(name, value, self.dtype, shape, lambda: self._words[name])

    def _warn_of_flat(self, flat: Values) -> None:
        if not warn_not_finite("flat", flat, tell=False):
            for name in self._views:
                warn_not_finite(name, self._view(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def __repr__(self) -> str:
        lines = [f"  {name}: {self._words[name]}" for name in self._views]
        return "\n".join([f"{len(lines)} arrays of {self.dtype}", *lines])


def _laid_over(flat: Values, views: dict[str, View], words: dict[str, str]) -> Parameters:
    """A mapping over an array of which nobody has derived anything."""
    found = object.__new__(Parameters)
    found.dtype, found._memory, found._size = flat.dtype, flat.data, flat.size
    found._views, found._words = views, words
    found._owner, found._unshared, found._references = flat, 0, 0
    found._numbers = count()
    found._accesses = array("q", [next(found._numbers)])
    found.before_access = None
    return found


def is_number(value: object) -> bool:
    """Whether a value is a real number, of Python or of NumPy; truth values are none."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def view_of(param: Param, dims: Mapping[str, int], size: int) -> View:
    """The shape of a parameter, and its offset and strides in bytes."""
    strides = tuple(size * stride for stride in param.strides(**dims))
    return tuple(param.shape(**dims)), size * param.offset(**dims), strides


def count_of(params: tuple[Param, ...], dims: Mapping[str, int]) -> int:
    """How many numbers the parameters hold; the flat array may have gaps."""
    return sum(int(np.prod(tuple(p.shape(**dims)), dtype=np.int64)) for p in params)
