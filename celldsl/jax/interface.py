"""XLA's interface for foreign functions, as it is installed.  In: its header.  Out: places, code.

    interface().version                    # (0, 3)
    interface().place("Error_Create")      # the word of that function in the table of functions
    handler_code().handlers["float32"]     # the address of what XLA calls
    bound_code(handler, record)            # code(frame) is handler(record, frame)

The table grows from version to version, so its order is read from `c_api.h`, which comes with
jaxlib.  Where that is of another major version than the one that is known here, or is not there,
kernels are not used.  XLA gives a function nothing of its own to go by, so each purpose gets a
function that passes on what it is given together with a word that says what it is for.
"""

# llvmlite is not typed.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jax
from llvmlite import ir

from celldsl.jax.handler_abi import API_FIELDS
from celldsl.jit.forks import COMPILING
from celldsl.jit.object_cache import Code, linked
from celldsl.jit.translation import Translation
from celldsl.package import package

KNOWN_MAJOR = 0
_HEADER = Path("xla/ffi/api/c_api.h")
_NEEDED = ("Error_Create", "Error_Destroy", "ThreadPool_Schedule")
_HANDLER = Path(__file__).with_name("handler.py")


@dataclass(frozen=True, slots=True)
class Interface:
    """`functions` are in the order of the table."""

    version: tuple[int, int]
    functions: tuple[str, ...]

    def place(self, name: str) -> int:
        return API_FIELDS + self.functions.index(name)


@cache
def interface() -> Interface | None:
    """None where kernels cannot be called."""
    try:
        text = (Path(jax.ffi.include_dir()) / _HEADER).read_text(encoding="utf-8")
    except OSError:
        return None
    return read_header(text)


def read_header(text: str) -> Interface | None:
    """What a header says; None for one that is not known here."""
    numbers = [re.search(rf"#define XLA_FFI_API_{n} (\d+)", text) for n in ("MAJOR", "MINOR")]
    functions = tuple(re.findall(r"_XLA_FFI_API_STRUCT_FIELD\(XLA_FFI_(\w+)\);", text))
    major, minor = (-1 if found is None else int(found[1]) for found in numbers)
    if major != KNOWN_MAJOR or minor < 0 or not set(_NEEDED) <= set(functions):
        return None
    return Interface((major, minor), functions)


@dataclass(frozen=True, slots=True)
class HandlerCode:
    """Addresses: the handlers by dtype, the code of a helper, functions of the system."""

    handlers: dict[str, int]
    help: int
    allocate: int
    free: int
    give_way: int


@cache
def handler_code() -> HandlerCode:
    symbols = ["celldsl_xla_call_float32", "celldsl_xla_call_float64", "celldsl_xla_help"]
    files = ("handler", *(f"handler_{part}" for part in ("abi", "memory", "threads")))
    text = "".join((package() / "jax" / f"{f}.py").read_text(encoding="utf-8") for f in files)
    first, second, helper = Code("xla", symbols, _compiled, text=text, source=_HANDLER).addresses()
    return HandlerCode(
        {"float32": first, "float64": second},
        helper,
        _address(ctypes.pythonapi, "PyMem_RawMalloc"),
        _address(ctypes.pythonapi, "PyMem_RawFree"),
        _give_way(),
    )


def _compiled() -> list[Translation]:
    from celldsl.jax.handler import ENTRIES
    from celldsl.jit.compile import compile_symbols

    return compile_symbols(ENTRIES, "float64")


def _address(library: Any, name: str) -> int:
    return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0


def _give_way() -> int:
    """The system's function that lets other threads have the core; 0 where it is not known."""
    try:
        return _address(ctypes.CDLL(None), "sched_yield")
    except (AttributeError, OSError, TypeError):
        return 0


_WORD = ir.IntType(64)
_SYMBOL = "celldsl_bound"


def bound_code(code: int, first: int) -> int:
    """The address of a function of one word; it lives as long as the process."""
    from celldsl.jit.compile import empty_module
    from celldsl.jit.translation import object_code

    with COMPILING:
        module = empty_module(_SYMBOL)
        function = ir.Function(module, ir.FunctionType(_WORD, [_WORD]), _SYMBOL)
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        kind = ir.FunctionType(_WORD, [_WORD, _WORD]).as_pointer()
        target = builder.inttoptr(_WORD(code), kind)
        builder.ret(builder.call(target, [_WORD(first), function.args[0]], tail=True))
        address: int = linked([object_code(str(module))]).get_function_address(_SYMBOL)
        return address
