"""Named tuples for states and outputs.  In: dotted names.  Out: tuple types, and values in order.

    nest = StateStructure("State", ("h", "g.h", "g.c"), GRU)
    state = nest.pack([h, gh, gc])         # State(h=…, g=State_g(h=…, c=…))
    nest.unpack("state", state)            # [h, gh, gc]

States of inner cells have dotted names and nest as the cells do; those of a loop are in a tuple.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from celldsl.runtime.arrays.validation import by_name

# An array, or a named tuple of such whose fields each cell has of its own.
Nested: TypeAlias = Any
# What pickle calls to have an object again, and the arguments.
Rebuilding: TypeAlias = "tuple[Callable[..., object], tuple[object, ...]]"
TupleType: TypeAlias = "type[Any]"


class StateStructure:
    """The named tuple type of `names` and the types of its inner tuples.

    The types become attributes of `owner`, so that pickle finds them.
    """

    def __init__(self, type_name: str, names: Sequence[str], owner: type) -> None:
        self.fields = tuple(dict.fromkeys(name.split(".")[0] for name in names))
        self.inner: dict[str, StateStructure] = {}
        for field in self.fields:
            below = [n.partition(".")[2] for n in names if n.startswith(f"{field}.")]
            if below:
                self.inner[field] = StateStructure(f"{type_name}_{field}", below, owner)
        self.type: TupleType = _tuple_type(type_name, self.fields, owner)
        self.flat = not self.inner

    def pack(self, values: Iterable[object]) -> Nested:
        """The named tuple of values that come in the order of the names."""
        if self.flat:
            return self.type._make(values)
        return self._pack(iter(values))

    def _pack(self, values: Iterator[Nested]) -> Nested:
        inner = self.inner
        return self.type._make(
            inner[field]._pack(values) if field in inner else next(values) for field in self.fields
        )

    def unpack(self, what: str, value: object) -> list[Nested]:
        """The values in the order of the names, None for those left out."""
        parts = [None] * len(self.fields) if value is None else by_name(what, value, self.fields)
        if self.flat:
            return parts
        found: list[Nested] = []
        for field, part in zip(self.fields, parts, strict=True):
            nest = self.inner.get(field)
            found += [part] if nest is None else nest.unpack(f"{what}.{field}", part)
        return found


def _tuple_type(type_name: str, fields: tuple[str, ...], owner: type) -> TupleType:
    # `rename` never acts: the language keeps names that Python or namedtuple would refuse out.
    make: Callable[..., TupleType] = _indexed if fields and fields[0].isdigit() else namedtuple
    made: Any = make(type_name, fields, module=owner.__module__)
    made.__qualname__ = f"{owner.__qualname__}.{type_name}"
    made._owner, made.__reduce__ = owner, _reduce_tuple
    setattr(owner, type_name, made)
    return made


def _reduce_tuple(self: Nested) -> Rebuilding:
    """By way of the cell's class, which opens in any process."""
    return restore_tuple, (self._owner, type(self).__name__, tuple(self))


def restore_tuple(owner: type, type_name: str, values: tuple[object, ...]) -> Nested:
    """A state or outputs that were pickled or copied."""
    return getattr(owner, type_name)._make(values)


def gradients_given(value: object, names: tuple[str, ...], what: str) -> list[Nested]:
    """Cotangents by name; None (for one or for all) stands for zeros."""
    if value is None:
        return [None] * len(names)
    if isinstance(value, Mapping) or len(names) > 1 or isinstance(value, tuple):
        return by_name(what, value, names)
    return [value]


def _indexed(type_name: str, fields: tuple[str, ...], module: str) -> TupleType:
    """Cells of a loop have no names: `state.layer[0]`.

    To libraries that walk through trees it is a named tuple: `_fields`, built by one argument each.
    """
    members = {
        "__slots__": (),
        "__doc__": "The states of the cells of a loop, in order.",
        "__module__": module,
        "__new__": lambda cls, *values: tuple.__new__(cls, values),
        "_make": classmethod(tuple.__new__),
        "_asdict": lambda self: dict(zip(fields, self, strict=True)),
        "_fields": fields,
    }
    return type(type_name, (tuple,), members)
