"""Signatures of a cell's functions, for `inspect` and editors.  In: a built cell.  Out: one.

inspect.signature(apply)            # (params: …, x: Array, state: … = None, *, lengths: …)
inspect.signature(apply.step)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, Signature
from types import FunctionType, MethodType
from typing import Any, Literal, TypeVar, cast
from weakref import WeakKeyDictionary

import jax

from celldsl.bridges.signatures import by_name, either, tuple_of
from celldsl.runtime.cell.cell import Cell
from celldsl.runtime.cell.wording import copied_function

Function = TypeVar("Function", bound=Callable[..., Any])
OPTIONS: Mapping[str, Parameter] = {
    each.name: each
    for each in (
        by_name("lengths", jax.Array | None),
        by_name("reverse", bool, False),
        by_name("resets", jax.Array | None),
        by_name("key", jax.Array | None),
        by_name("seed", int | None),
        by_name("settings", Mapping[str, Any] | None),
        by_name("states", Literal["last", "all"], "last"),
        by_name("names", Sequence[str] | None),
    )
}


def signature_of(cell: Cell, keywords: Sequence[str] = tuple(OPTIONS)[:-1]) -> Signature:
    """That of a function of the cell which takes these keywords besides its inputs.

    Where an input is called as one of them, inputs go in order.
    """
    state, outputs = cell._state_structure.type, cell._output_structure.type
    options = [OPTIONS[name] for name in keywords if name != "state"]
    names = [each.name for each in cell.description.inputs]
    found = [either("params", Mapping[str, jax.Array])]
    if {"self", "params", "state", *(each.name for each in options)} & {*names}:
        found += [Parameter("arrays", Parameter.VAR_POSITIONAL, annotation=jax.Array)]
        found += [by_name("state", state | None)]
    else:
        found += [either(name, jax.Array) for name in names]
        found += [either("state", state | None, None)]
    result = jax.Array if len(cell.description.outputs) == 1 else outputs
    return Signature([*found, *options], return_annotation=tuple_of(result, state))


class OfCell:
    """A method whose signature is that of the object's cell: each class of cells has a copy."""

    def __init__(self, keywords: Sequence[str]) -> None:
        self._keywords = keywords
        self._copies: WeakKeyDictionary[type, Any] = WeakKeyDictionary()

    def __call__(self, function: Function) -> Function:
        self._function = function
        found: Any = self
        return cast("Function", found)

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self._function
        cls = type(instance.cell)
        if cls not in self._copies:
            self._copies[cls] = self._copied(instance.cell)
        return MethodType(self._copies[cls], instance)

    def _copied(self, cell: Cell) -> FunctionType:
        copy = copied_function(self._function)
        itself = next(iter(inspect.signature(self._function).parameters.values()))
        own = signature_of(cell, self._keywords)
        result = dict[str, jax.Array] if "names" in self._keywords else own.return_annotation
        own = own.replace(parameters=[itself, *own.parameters.values()], return_annotation=result)
        vars(copy)["__signature__"] = own
        return copy
