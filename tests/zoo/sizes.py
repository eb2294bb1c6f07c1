"""Small sizes of a cell that its conditions allow.  In: its spec, a number.  Out: dims.

dims_near(spec, 7)          {"I": 7, "H": 7}, and {"H": 8, "G": 2} where G must divide H

Dims that the structure depends on keep the size that the structure was made for.
"""

from __future__ import annotations

from itertools import product

from celldsl.ir.size import NotIntegral
from celldsl.ir.spec import CellSpec

ODD = {"I": 3, "H": 5, "P": 2}
TRIES = 4


def dims_near(spec: CellSpec, wanted: int) -> dict[str, int]:
    """The allowed dims that are nearest to `wanted`; 0 stands for odd sizes, each a different one.

    Raises AssertionError where none is found.
    """
    choices = [_choices(spec, i, wanted) for i in range(len(spec.dims))]
    firsts = [sizes[0] for sizes in choices]

    def distance(sizes: tuple[int, ...]) -> int:
        return sum(abs(size - first) for size, first in zip(sizes, firsts, strict=True))

    for sizes in sorted(product(*choices), key=distance):
        dims = dict(zip((d.name for d in spec.dims), sizes, strict=True))
        if allowed(spec, dims):
            return dims
    raise AssertionError(f"{spec.name}: no sizes near {wanted}")


def _choices(spec: CellSpec, place: int, wanted: int) -> list[int]:
    dim = spec.dims[place]
    if dim.fixed is not None:
        return [dim.fixed]
    first = wanted or ODD.get(dim.name, (3, 5, 2, 4)[place % 4])
    return [first, *(n for n in range(1, first + TRIES) if n != first)]


def allowed(spec: CellSpec, dims: dict[str, int]) -> bool:
    """Whether every condition holds and every size is a positive whole number."""
    arrays = (*spec.inputs, *spec.outputs, *spec.states, *spec.params, *spec.consts)
    values = {**{h.name: h.value for h in spec.hypers}, **dims}
    try:
        if not all(eval(c.code, {"v": values}) for c in spec.conditions):
            return False
        return all(size.evaluate(dims) > 0 for array in arrays for size in array.shape)
    except NotIntegral:
        return False
