"""Parameters as people see them.  In: one flat array.  Out: a mapping of names to views of it.

    cell.params["r_u.W_x"]              # a view: writing in place takes effect
    cell.params["r_u.b"] = array        # copied in, after a check of shape and dtype
    cell.params.flat -= rate * grads.params.flat

How blocks lie in the flat array is the generated code's affair; names and shapes are the cell's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from celldsl.runtime.arguments import Values, check_array
from celldsl.runtime.description import Param
from celldsl.runtime.errors import nearest_name
from celldsl.runtime.shapes import declared_words


class Parameters(Mapping[str, Values]):
    """A mapping from names to views of `flat`, in order of declaration."""

    __slots__ = ("_views", "_words", "flat")

    def __init__(self, flat: Values, params: tuple[Param, ...], dims: Mapping[str, int]) -> None:
        self.flat = flat
        self._views = {p.name: view_of(flat, p, dims) for p in params}
        self._words = {p.name: declared_words(p.text, self._views[p.name].shape) for p in params}

    def __getitem__(self, name: str) -> Values:
        try:
            return self._views[name]
        except KeyError:
            near = nearest_name(str(name), self._views)
            hint = f"did you mean {near}?" if near else f"there are {', '.join(self._views)}"
            raise KeyError(f"no {name}; {hint}") from None

    def __setitem__(self, name: str, value: Any) -> None:
        view = self[name]
        # `params[name] += 1` assigns the view to itself once it has been written.
        if value is not view:
            view[...] = check_array(name, value, view.dtype, view.shape, lambda: self._words[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def __repr__(self) -> str:
        lines = [f"  {name}: {self._words[name]}" for name in self._views]
        return "\n".join([f"{len(lines)} arrays of {self.flat.dtype}", *lines])


def view_of(flat: Values, param: Param, dims: Mapping[str, int]) -> Values:
    """The array of one parameter inside the flat one."""
    size = flat.itemsize
    shape = tuple(param.shape(**dims))
    strides = tuple(size * stride for stride in param.strides(**dims))
    offset = size * param.offset(**dims)
    view: Values = np.ndarray(shape, flat.dtype, flat.data, offset, strides)
    return view


def count_of(params: tuple[Param, ...], dims: Mapping[str, int]) -> int:
    """How many numbers the parameters hold; the flat array may have gaps."""
    return sum(int(np.prod(tuple(p.shape(**dims)), dtype=np.int64)) for p in params)
