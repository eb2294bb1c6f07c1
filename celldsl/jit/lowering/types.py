"""Types of compiled values, and functions that say what instructions they are.

    float32, int64, boolean, Pointer(float32, 3), literal(8)
    void(Pointer(float32, -1), intp)        # the signature of what takes a pointer and an integer

    @intrinsic
    def spread(_, like, count):
        if not isinstance(count, IntegerLiteral):
            return None                                     # not for such arguments

        def generate(context: Context, builder: ir.IRBuilder, _: Signature, arguments: Values):
            return builder...

        return Pointer(like.dtype, -1)(like, count), generate

Types are not Numba's, whose import takes longer than compiling a small cell: `numba_intrinsics`
says what each is to Numba.  Routines call intrinsics, and so do functions that Numba compiles.  The
first argument of one is of no use.  llvmlite says no types, so that a checker takes its objects for
anything; the names here tell a reader what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any, Protocol, TypeAlias

from llvmlite import ir


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


class Value(Protocol):
    """A value of LLVM: an instruction, an argument or a constant."""

    type: Any  # an ir.Type, with what its kind has besides


class Context(Protocol):
    """What an intrinsic asks while it writes its instructions."""

    def get_value_type(self, kind: Type, /) -> ir.Type:
        """LLVM's type of a value."""

    def get_dummy_value(self) -> Any:
        """What is returned where there is no value."""


TypingContext: TypeAlias = None  # of no use: Numba's intrinsics have one, too
Types: TypeAlias = "Sequence[Type]"  # of arguments
Values: TypeAlias = "Sequence[Value]"  # the arguments, in the same order
Generator: TypeAlias = "Callable[[Context, ir.IRBuilder, Signature, Values], Value]"
Made: TypeAlias = "tuple[ir.Function, Type]"  # of a routine, and the type of what it returns
# What an intrinsic is for arguments of some types; None: not for such.
Definition: TypeAlias = "tuple[Signature, Generator] | None"


class Intrinsic:
    """A function for compiled code alone."""

    def __init__(self, define: Callable[..., Any]) -> None:
        self.define = define
        update_wrapper(self, define)

    def __call__(self, *arguments: Any) -> Any:
        raise NotImplementedError(f"{self.define.__name__} is for compiled code")


intrinsic = Intrinsic
