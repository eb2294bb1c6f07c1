"""Inputs, states and outputs of a cell as tensors.  In: tensors.  Out: tensors, in named tuples.

    pack_like(GRU._state_structure, [h, gh, gc])        # State(h=…, g=State_g(h=…, c=…))
    list(flatten(state))                                # [h, gh, gc]
    as_numbers(recipe, [words, picture], torch.float32)     # for kernels: all of one dtype
    as_passed(recipe, [words, picture])                     # for plain code: integers again

The tuples are those of the cell's class; the states of a loop's cells are in a plain tuple, which
PyTorch's transforms know how to take apart.  Kernels take integers and truth values as numbers, in
which they are exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch.utils._pytree import SERIALIZED_TYPE_TO_PYTHON_TYPE, _register_namedtuple

from celldsl.bridges.recipe import Recipe
from celldsl.runtime.arrays.state_structure import StateStructure


def pack_like(structure: StateStructure, values: Sequence[Any]) -> Any:
    """The named tuple of values that come in the order of the names."""
    return _pack(structure, iter(values))


def _pack(structure: StateStructure, values: Iterator[Any]) -> Any:
    fields, inner = structure.fields, structure.inner
    found = [_pack(inner[f], values) if f in inner else next(values) for f in fields]
    if fields[:1] and fields[0].isdigit():
        return tuple(found)
    return structure.type(*found)


def tell_pytree(recipe: Recipe) -> None:
    """Lets files of `torch.export` have the named tuples of a cell's class.

    They go by the cell's name, source and structure: a process that opens such a file needs the
    class first.
    """
    described = recipe.described
    made_for = ",".join(f"{name}={value}" for name, value in recipe.structure.items())
    for structure in (recipe.cls._state_structure, recipe.cls._output_structure):
        for kind in _tuple_types(structure):
            name = f"celldsl.{described.name}.{kind.__name__}.{described.digest}({made_for})"
            if name not in SERIALIZED_TYPE_TO_PYTHON_TYPE:
                _register_namedtuple(kind, serialized_type_name=name)


def _tuple_types(structure: StateStructure) -> Iterator[Any]:
    if hasattr(structure.type, "_field_defaults"):  # those of a loop are plain tuples
        yield structure.type
    for inner in structure.inner.values():
        yield from _tuple_types(inner)


def pack_in(module: Any, kind: str, names: Sequence[str], values: Sequence[Any]) -> Any:
    """The tuple that a module of plain code has for dotted names."""
    fields: dict[str, list[tuple[str, Any]]] = {}
    for name, value in zip(names, values, strict=True):
        first, _, rest = name.partition(".")
        fields.setdefault(first, []).append((rest, value))
    found = []
    for field, own in fields.items():
        if own[0][0]:
            below, parts = zip(*own, strict=True)
            found.append(pack_in(module, f"{kind}_{field}", below, parts))
        else:
            found.append(own[0][1])
    if fields and next(iter(fields)).isdigit():
        return tuple(found)
    return getattr(module, kind)(*found)


def flatten(value: Any) -> Iterator[Any]:
    """The tensors of nested tuples, in order."""
    if isinstance(value, tuple):
        for part in value:
            yield from flatten(part)
    else:
        yield value


Tensors = Sequence[torch.Tensor]


def real_dtype(tensors: Iterable[torch.Tensor]) -> torch.dtype:
    """That of the first real tensor."""
    found = (each.dtype for each in tensors if each.is_floating_point())
    return next(found, torch.get_default_dtype())


def as_numbers(recipe: Recipe, inputs: Tensors, dtype: torch.dtype) -> list[torch.Tensor]:
    """Inputs of which integers and truth values have become numbers of a dtype."""
    pairs = zip(recipe.described.inputs, inputs, strict=True)
    return [value if each.kind == "real" else value.to(dtype) for each, value in pairs]


def as_passed(recipe: Recipe, inputs: Tensors) -> list[torch.Tensor]:
    """Inputs of which the integers are of int64 and the truth values of bool, in any case."""
    dtypes = {"int": torch.int64, "bool": torch.bool}
    pairs = zip(recipe.described.inputs, inputs, strict=True)
    return [value if each.kind == "real" else value.to(dtypes[each.kind]) for each, value in pairs]


def batch_axes(recipe: Recipe) -> list[int]:
    """Of each input the axis that has sequences: (T, B, …), or (B, …) where it lasts one."""
    return [0 if each.per == "sequence" else 1 for each in recipe.described.inputs]


def lead_of(recipe: Recipe, inputs: Tensors) -> tuple[int, int]:
    """T and B."""
    main = inputs[recipe.main]
    if recipe.described.inputs[recipe.main].per == "sequence":
        return 0, main.shape[0]
    return main.shape[0], main.shape[1]
