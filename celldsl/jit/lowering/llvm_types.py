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


Context: TypeAlias = Any  # `expressions.Target`, or Numba's
TypingContext: TypeAlias = None
Signature: TypeAlias = types.Signature
Types: TypeAlias = "Sequence[types.Type]"  # of arguments
Values: TypeAlias = "Sequence[Value]"  # the arguments, in the same order
Generator: TypeAlias = "Callable[[Context, ir.IRBuilder, Signature, Values], Value]"
Made: TypeAlias = "tuple[ir.Function, types.Type]"  # of a routine, and the type of what it returns
Intrinsic: TypeAlias = "tuple[Signature, Generator] | None"  # None: not for such arguments
