"""Functions that say what instructions they are.  In: types of arguments.  Out: instructions.

    @intrinsic
    def spread(_, like, count):
        if not isinstance(count, types.IntegerLiteral):
            return None                                     # not for such arguments

        def generate(context, builder, signature, arguments):
            return builder...

        return types.Pointer(like.dtype, -1)(like, count), generate

Routines call them, and so do functions that Numba compiles, to which `numba_intrinsics` says what
they are.  The first argument is of no use; `context` is an `llvm_types.Context`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any


class Intrinsic:
    """A function for compiled code alone."""

    def __init__(self, define: Callable[..., Any]) -> None:
        self.define = define
        update_wrapper(self, define)

    def __call__(self, *arguments: Any) -> Any:
        raise NotImplementedError(f"{self.define.__name__} is for compiled code")


intrinsic = Intrinsic
