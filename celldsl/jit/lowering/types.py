"""Types of compiled values.  In: nothing.  Out: types, and signatures of what is called.

    float32, int64, boolean, Pointer(float32, 3), literal(8)
    void(Pointer(float32, -1), intp)        # the signature of what takes a pointer and an integer

They are not Numba's, whose import takes longer than compiling a small cell: `numba_intrinsics` says
what each is to Numba.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Type:
    """A type by its name; called with the types of arguments it is a signature that returns it."""

    name: str

    def __call__(self, *arguments: Type) -> Signature:
        return Signature(self, arguments)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Signature:
    return_type: Type
    args: tuple[Type, ...]


class Integer(Type):
    """int64, uint64, and literal ones."""


class Float(Type):
    """float32 and float64."""

    @property
    def bitwidth(self) -> int:
        return int(self.name.removeprefix("float"))


@dataclass(frozen=True)
class IntegerLiteral(Integer):
    """An integer that the text of a routine has."""

    literal_value: int


@dataclass(frozen=True)
class Pointer(Type):
    """A pointer to numbers of `dtype`; `pointers` says what a scope is."""

    dtype: Type
    scope: int

    def __init__(self, dtype: Type, scope: int) -> None:
        object.__setattr__(self, "name", f"Pointer({dtype}, {scope})")
        object.__setattr__(self, "dtype", dtype)
        object.__setattr__(self, "scope", scope)


int64 = intp = Integer("int64")
uint64 = Integer("uint64")
float32 = Float("float32")
float64 = Float("float64")
boolean = Type("boolean")
none = void = Type("none")
REALS = {"float32": float32, "float64": float64}


def literal(value: int) -> IntegerLiteral:
    return IntegerLiteral(f"literal {value}", value)
