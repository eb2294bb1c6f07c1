"""What an operation is told beside its arguments.  In: nothing.  Out: a typed key for each.

    AXIS, START = Attribute("axis", int), Attribute("start", Size)
    told = Attributes.of({"axis": 0, "start": Size.of(2)})
    told[AXIS]                          0, an int for type checkers too

An operation's entry lists the keys that it has, so that a node cannot be built without one, with
one too many, or with a value of another type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from celldsl.ir.size import Shape, Size
from celldsl.structs import record

T = TypeVar("T")


@record
class Attribute(Generic[T]):
    """The key `name`, whose value is of `kind`; `items` is what a tuple holds."""

    name: str
    kind: type
    items: type | None = None

    def takes(self, value: object) -> bool:
        """Whether `value` is of its type; a truth value is no integer."""
        if not isinstance(value, self.kind) or (isinstance(value, bool) and self.kind is not bool):
            return False
        of = self.items
        return of is None or all(isinstance(item, of) for item in value)  # type: ignore[attr-defined]


@record
class Attributes:
    """Values by name, sorted."""

    pairs: tuple[tuple[str, object], ...] = ()

    @staticmethod
    def of(values: Mapping[str, object]) -> Attributes:
        return Attributes(tuple(sorted(values.items()))) if values else NONE

    def __iter__(self) -> Iterator[tuple[str, object]]:
        return iter(self.pairs)

    def __bool__(self) -> bool:
        return bool(self.pairs)

    @property
    def exact(self) -> tuple[tuple[str, object], ...]:
        """What tells these from others, where 0.0 and -0.0 are two numbers."""
        if not any(isinstance(v, float) for _, v in self.pairs):
            return self.pairs
        return tuple((n, v.hex() if isinstance(v, float) else v) for n, v in self.pairs)

    def __getitem__(self, key: Attribute[T]) -> T:
        """Raises KeyError where there is none, which is a defect of whoever asks."""
        for name, value in self.pairs:
            if name == key.name:
                return value  # type: ignore[return-value]
        raise KeyError(f"no attribute {key.name} among {[name for name, _ in self.pairs]}")

    def having(self, key: Attribute[T], value: T) -> Attributes:
        """These and one more."""
        return Attributes.of({**dict(self.pairs), key.name: value})


NONE = Attributes()

# Where along an argument.
AXIS: Attribute[int] = Attribute("axis", int)
START: Attribute[Size] = Attribute("start", Size)
STOP: Attribute[Size] = Attribute("stop", Size)
BEFORE: Attribute[Size] = Attribute("before", Size)
AFTER: Attribute[Size] = Attribute("after", Size)
PLACES: Attribute[int] = Attribute("k", int)
REVERSE: Attribute[bool] = Attribute("reverse", bool)
PERM: Attribute[tuple[int, ...]] = Attribute("perm", tuple, int)

# What comes out, and of which products.
SHAPE: Attribute[Shape] = Attribute("shape", tuple, Size)
LENGTH: Attribute[Size] = Attribute("n", Size)
KERNEL: Attribute[tuple[int, ...]] = Attribute("kernel", tuple, int)
SPEC: Attribute[str] = Attribute("spec", str)

# Numbers from nothing.
VALUE: Attribute[float] = Attribute("value", float)
SIZE: Attribute[Size] = Attribute("size", Size)

# Masks: what is drawn, how often, and under which name.
KIND: Attribute[str] = Attribute("kind", str)
PER: Attribute[str] = Attribute("per", str)
SITE: Attribute[int] = Attribute("site", int)

# Of what reads its argument at other indices: that argument's shape.
SOURCE: Attribute[Shape] = Attribute("source", tuple, Size)

# First values of parameters.
INITIALISER: Attribute[str] = Attribute("initialiser", str)
PARAM: Attribute[str] = Attribute("param", str)
