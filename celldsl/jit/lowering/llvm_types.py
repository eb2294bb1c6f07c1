"""Names of what is handed to functions that write instructions.  In: nothing.

    def generate(context: Context, builder: ir.IRBuilder, signature: Signature, arguments: Values):

llvmlite says no types, so that a checker takes its objects for anything; a reader sees what they
are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

from llvmlite import ir

from celldsl.jit.lowering import types


class Value(Protocol):
    """A value of LLVM: an instruction, an argument or a constant."""

    type: Any  # an ir.Type, with what its kind has besides


class Context(Protocol):
    """What an intrinsic asks while it writes its instructions."""

    def get_value_type(self, kind: types.Type, /) -> ir.Type:
        """LLVM's type of a value."""

    def get_dummy_value(self) -> Any:
        """What is returned where there is no value."""


TypingContext: TypeAlias = None  # of no use: Numba's intrinsics have one, too
Signature: TypeAlias = types.Signature
Types: TypeAlias = "Sequence[types.Type]"  # of arguments
Values: TypeAlias = "Sequence[Value]"  # the arguments, in the same order
Generator: TypeAlias = "Callable[[Context, ir.IRBuilder, Signature, Values], Value]"
Made: TypeAlias = "tuple[ir.Function, types.Type]"  # of a routine, and the type of what it returns
# What an intrinsic is for arguments of some types; None: not for such.
Definition: TypeAlias = "tuple[Signature, Generator] | None"
