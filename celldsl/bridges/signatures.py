"""Signatures of layers and functions, for `inspect` and editors.  In: names, types.  Out: one.

    class RNN(nn.Module):
        __signature__ = OwnSignature(lambda layer: layer_signature(…))

    inspect.signature(layer)            # (x: Tensor, state: … = None, /, *, lengths: … = None, …)

A class is made for any cell; each object has the inputs of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import Parameter, Signature
from types import GenericAlias
from typing import Any


class OwnSignature:
    """What `__signature__` of an object is; its class has the usual one."""

    def __init__(self, find: Callable[[Any], Signature]) -> None:
        self._find = find

    def __get__(self, instance: Any, owner: type) -> Signature:
        if instance is None:
            raise AttributeError("__signature__")
        return self._find(instance)


def tuple_of(*kinds: Any) -> Any:
    """The type of tuples of these."""
    return GenericAlias(tuple, kinds)


def either(name: str, annotation: object, default: object = Parameter.empty) -> Parameter:
    """A parameter that goes in order or by keyword."""
    kind = Parameter.POSITIONAL_OR_KEYWORD
    return Parameter(name, kind, default=default, annotation=annotation)


def by_name(name: str, annotation: object, default: object = None) -> Parameter:
    """A parameter that goes by keyword alone."""
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def layer_signature(
    inputs: Sequence[str], tensor: Any, state: Any, options: Sequence[Parameter], result: object
) -> Signature:
    """One input goes in order or by keyword; several in one value, or by keyword.

    An input that is called as another parameter goes in by a mapping.
    """
    taken = {"inputs", "state", *(each.name for each in options)}
    free = [name for name in inputs if name not in taken]
    if len(inputs) == len(free) == 1:
        first, own = either(free[0], tensor), []
    else:
        first = Parameter("inputs", Parameter.POSITIONAL_ONLY, default=None, annotation=Any)
        own = [by_name(name, tensor | None) for name in free]
    found = [first, either("state", state | None, None), *own, *options]
    return Signature(found, return_annotation=result)
