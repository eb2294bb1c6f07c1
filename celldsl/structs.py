"""Classes that are their fields.  In: a class with annotations.  Out: that class, with the rest.

    @record
    class Point:
        x: int
        y: int = 0

    Point(1) == Point(1, y=0)

A `record` compares by its fields and cannot be changed.  An `entity` can, and equals itself alone.
Both have `__init__`, `__repr__` and `__match_args__`.

`dataclasses` give more.  They write and compile source for every class when it is defined, which
took longer than checking a cell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

T = TypeVar("T")

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: object) -> Callable[[T], T]:
        return lambda decorator: decorator


_ABSENT: object = object()
_FIELDS = "__record_fields__"
_VALUES = "_values_of_fields"


class Field:
    """What is known of a field besides its name."""

    __slots__ = ("compare", "default", "default_factory", "kw_only", "optional", "repr")

    def __init__(
        self,
        default: object = _ABSENT,
        default_factory: Callable[[], object] | None = None,
        compare: bool = True,
        repr: bool = True,
        kw_only: bool = False,
    ) -> None:
        self.default, self.default_factory = default, default_factory
        self.compare, self.repr, self.kw_only = compare, repr, kw_only
        self.optional = default is not _ABSENT or default_factory is not None


# What most fields are: one for all, since a class is made as often as a command is run.
_PLAIN = Field()


def field(
    *,
    default: object = _ABSENT,
    default_factory: Callable[[], object] | None = None,
    compare: bool = True,
    repr: bool = True,
    kw_only: bool = False,
) -> Any:
    """A field that is not like the others; the words are those of `dataclasses.field`."""
    return Field(default, default_factory, compare, repr, kw_only)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """A value: frozen, equal to any of its class with equal fields, and hashable."""
    compared = [name for name, field in _complete(cls).items() if field.compare]
    key: Callable[[object], object] = attrgetter(*compared) if compared else lambda self: ()

    def equals(self: object, other: object) -> bool:
        return key(self) == key(other) if other.__class__ is cls else NotImplemented

    def hashed(self: object) -> int:
        return hash(key(self))

    cls.__eq__ = equals  # type: ignore[method-assign]
    cls.__hash__ = hashed  # type: ignore[method-assign]
    cls.__setattr__ = cls.__delattr__ = _refuse  # type: ignore[method-assign]
    return cls


@dataclass_transform(field_specifiers=(field,))
def entity(cls: type[T]) -> type[T]:
    """A thing that changes: equal to itself alone."""
    _complete(cls)
    return cls


def replace(value: T, /, **changes: object) -> T:
    """A copy of a record or entity with some fields changed."""
    cls = type(value)
    fields = getattr(cls, _FIELDS)
    if not changes.keys() <= fields.keys():
        raise TypeError(f"{cls.__name__} takes {', '.join(fields)}; got {[*changes]}")
    copy = cls.__new__(cls)
    # What else is there, such as properties that were worked out, may not hold for the copy.
    state = copy.__dict__
    state.update((name, held) for name, held in value.__dict__.items() if name in fields)
    state.update(changes)
    return copy


def values_of(value: object) -> list[object]:
    """What the fields of a record or entity hold; nothing for any other value."""
    found: list[object] = getattr(type(value), _VALUES, _no_values)(value)
    return found


def fields_of(value: object) -> dict[str, object]:
    """What `values_of` gives, by the names of the fields."""
    return dict(zip(getattr(type(value), _FIELDS, ()), values_of(value), strict=True))


# ---------------------------------------------------------------- what both have


def _complete(cls: type) -> Mapping[str, Field]:
    """Gives a class its methods; its fields are those of the classes below it and its own."""
    fields: dict[str, Field] = dict(getattr(cls, _FIELDS, ()))
    held = cls.__dict__
    for name in cls.__annotations__:
        fields[name] = _own_field(cls, name, held[name]) if name in held else _PLAIN
    positional = tuple([name for name, field in fields.items() if not field.kw_only])
    setattr(cls, _FIELDS, fields)
    setattr(cls, "__match_args__", positional)  # noqa: B010  (mypy knows no such name)
    setattr(cls, _VALUES, staticmethod(_reader(tuple(fields))))
    cls.__init__ = _initialiser(cls.__name__, fields, positional)  # type: ignore[misc]
    cls.__repr__ = _shown  # type: ignore[assignment]
    return fields


def _reader(names: tuple[str, ...]) -> Callable[[object], list[object]]:
    """What `values_of` is for a class: a walk over a large program asks for little else."""
    if len(names) < 2:
        return lambda value: [getattr(value, name) for name in names]
    values = attrgetter(*names)
    return lambda value: [*values(value)]


def _no_values(_: object) -> list[object]:
    return []


def _own_field(cls: type, name: str, given: object) -> Field:
    """A default stays in the class, where instances without a value of their own find it."""
    if not isinstance(given, Field):
        return Field(given)
    if given.default is _ABSENT:
        delattr(cls, name)
    else:
        setattr(cls, name, given.default)
    return given


def _initialiser(
    name: str, fields: Mapping[str, Field], positional: tuple[str, ...]
) -> Callable[..., None]:
    """`__init__` for fields; what few calls need is worked out at the first of them."""
    special = [field for field in fields.values() if field is not _PLAIN]
    keywords = fields.keys() - set(positional) if special else set[str]()
    optional = sum([field.optional and not field.kw_only for field in special])
    # What is made anew for every instance cannot be left to the class.
    made = any([field.default_factory for field in special])  # noqa: C419  (half the time)
    enough = range(len(fields) if made else len(positional) - optional, len(positional) + 1)
    least, most = (1, 0) if keywords else (enough.start, len(positional))
    others: _Others | None = None

    def initialise(self: object, *values: object, **named: object) -> None:
        nonlocal others
        if not named and least <= len(values) <= most:  # as nearly always
            self.__dict__.update(zip(positional, values, strict=False))
            return
        if len(values) not in enough or named.keys() != keywords:
            others = others or _Others(name, fields, positional)
            others.add(values, named)
        # Past `__setattr__`, which refuses.
        state = self.__dict__
        state.update(zip(positional, values, strict=False))
        if named:
            state.update(named)

    return initialise


class _Others:
    """Fields that a call of a class leaves out."""

    def __init__(self, name: str, fields: Mapping[str, Field], positional: tuple[str, ...]) -> None:
        self.name, self.fields, self.positional = name, fields, positional
        self.needed = {each for each, field in fields.items() if not field.optional}
        self.factories = {
            each: field.default_factory for each, field in fields.items() if field.default_factory
        }

    def add(self, values: tuple[object, ...], named: dict[str, object]) -> None:
        """Puts what factories make into `named`.  Raises TypeError for what no class takes."""
        given = {*self.positional[: len(values)], *named}
        twice = len(values) + len(named) != len(given)
        if twice or not self.needed <= given or not given <= self.fields.keys():
            told = f"{self.name} takes {', '.join(self.fields)}"
            raise TypeError(f"{told}; got {len(values)} and {[*named]}")
        for each, make in self.factories.items():
            if each not in given:
                named[each] = make()


def _shown(self: object) -> str:
    fields: Mapping[str, Field] = getattr(type(self), _FIELDS)
    shown = [name for name, field in fields.items() if field.repr]
    inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
    return f"{type(self).__name__}({inside})"


def _refuse(self: object, name: str, *value: object) -> None:
    raise AttributeError(f"{type(self).__name__}.{name} cannot be changed")
