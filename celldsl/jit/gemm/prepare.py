"""Products ready to be called.  In: a dtype.  Out: symbols that compiled code can name.

prepare_products("float32")                                   # in Python, before kernels are loaded
"""

from __future__ import annotations

import ctypes
import os
from functools import cache, partial
from typing import Any

import llvmlite.binding
import numpy as np

from celldsl.jit.forks import COMPILING
from celldsl.jit.gemm.symbols import GEMM_KINDS, GEMM_SUFFIXES, gemm_symbol
from celldsl.jit.object_cache import runtime_addresses

_gemm_ready: set[str] = set()
_stand_ins: list[Any] = []
_ARGUMENTS = {"i": ctypes.c_ssize_t, "x": ctypes.c_void_p, "s": ctypes.c_void_p}


@cache
def announce_products() -> None:
    """Gives the symbols of both dtypes addresses, of functions that make what they stand for.

    A process that loads a kernel whose symbols are unknown ends there and then.  Whatever is loaded
    before `prepare_products` is called goes on by way of Python: right, but slower.
    """
    for dtype in GEMM_SUFFIXES:
        for entry, kinds in GEMM_KINDS.items():
            symbol = gemm_symbol(entry, dtype)
            kind = ctypes.CFUNCTYPE(None, *map(_ARGUMENTS.__getitem__, kinds))
            stand_in = kind(partial(_prepare_and_call, symbol, dtype, kind))
            _stand_ins.append(stand_in)
            with COMPILING:
                if dtype not in _gemm_ready:
                    address = ctypes.cast(stand_in, ctypes.c_void_p).value
                    llvmlite.binding.add_symbol(symbol, address)


def _prepare_and_call(symbol: str, dtype: str, kind: Any, *arguments: Any) -> None:
    prepare_products(dtype)
    kind(llvmlite.binding.address_of_symbol(symbol))(*arguments)


def prepare_products(dtype: Any) -> None:
    """Makes the symbols of a dtype known: compiles the loops, or loads what was compiled before."""
    name = np.dtype(dtype).name
    with COMPILING:
        if name not in _gemm_ready:
            symbols = [gemm_symbol(entry, name) for entry in _products()]
            label = f"{'plain_' if plain_products() else ''}products_{name}"
            found = runtime_addresses(label, symbols, lambda: _compiled_loops(name))
            for symbol, address in zip(symbols, found, strict=True):
                llvmlite.binding.add_symbol(symbol, address)
            _gemm_ready.add(name)


def plain_products() -> bool:
    """Whether CELLDSL_GEMM asks for products without tiles and blocks, which are slow."""
    return os.environ.get("CELLDSL_GEMM", "").strip() == "plain"


def _products() -> list[str]:
    return [name for name in GEMM_KINDS if not (plain_products() and name == "tile")]


def _compiled_loops(dtype: str) -> bytes:
    from celldsl.jit.compile import compile_symbols
    from celldsl.jit.gemm.loops import LOOPS
    from celldsl.jit.gemm.plain import PLAIN

    loops = PLAIN if plain_products() else LOOPS
    return compile_symbols(
        {gemm_symbol(name, dtype): (loops[name], GEMM_KINDS[name]) for name in loops}, dtype
    )
