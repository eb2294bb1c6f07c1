"""Products ready to be called.  In: a dtype.  Out: symbols that compiled code can name.

prepare_products("float32")                                   # in Python, before kernels are loaded
prepare_rounded("float32")                                    # the same, and rounded ones
prepare_convolutions("float32")                               # products and convolutions
prepare_winograd("float32")                                   # the same, and transformed ones
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import llvmlite.binding
import numpy as np

from celldsl.jit.forks import COMPILING
from celldsl.jit.gemm.symbols import (
    GEMM_KINDS,
    GEMM_SUFFIXES,
    KINDS,
    ROUNDED_KINDS,
    WINDOW_KINDS,
    WINOGRAD_KINDS,
    gemm_symbol,
)
from celldsl.jit.object_cache import Code
from celldsl.jit.target import target
from celldsl.jit.translation import Translation

_ready: set[str] = set()
_stand_ins: list[Any] = []
_ARGUMENTS = {"i": ctypes.c_ssize_t, "x": ctypes.c_void_p, "s": ctypes.c_void_p}


@cache
def announce_products() -> None:
    """Gives the symbols of both dtypes addresses, of functions that make what they stand for.

    A process that loads a kernel whose symbols are unknown ends there and then.  Whatever is loaded
    before `prepare_products` is called goes on by way of Python: right, but slower.
    """
    for dtype in GEMM_SUFFIXES:
        _announce(dtype, "products", GEMM_KINDS, prepare_products)
        _announce(dtype, "rounded", ROUNDED_KINDS, prepare_rounded)
        _announce(dtype, "convolutions", WINDOW_KINDS, prepare_convolutions)
        _announce(dtype, "winograd", WINOGRAD_KINDS, prepare_winograd)


def _announce(
    dtype: str, label: str, entries: Mapping[str, str], prepare: Callable[[str], None]
) -> None:
    for entry, kinds in entries.items():
        symbol = gemm_symbol(entry, dtype)
        kind = ctypes.CFUNCTYPE(None, *map(_ARGUMENTS.__getitem__, kinds))
        stand_in = kind(partial(_prepare_and_call, prepare, symbol, dtype, kind))
        _stand_ins.append(stand_in)
        with COMPILING:
            if f"{label}_{dtype}" not in _ready:
                address = ctypes.cast(stand_in, ctypes.c_void_p).value
                llvmlite.binding.add_symbol(symbol, address)


def _prepare_and_call(
    prepare: Callable[[str], None], symbol: str, dtype: str, kind: Any, *arguments: Any
) -> None:
    prepare(dtype)
    kind(llvmlite.binding.address_of_symbol(symbol))(*arguments)


def prepare_products(dtype: Any) -> None:
    """Makes the symbols of a dtype known: compiles the loops, or loads what was compiled before."""
    _prepare("products", np.dtype(dtype).name, GEMM_KINDS)


def prepare_rounded(dtype: Any) -> None:
    """As `prepare_products`, and those of rounded factors, which call them."""
    prepare_products(dtype)
    _prepare("rounded", np.dtype(dtype).name, ROUNDED_KINDS)


def prepare_convolutions(dtype: Any) -> None:
    """As `prepare_products`, and those of convolutions, which call products."""
    prepare_products(dtype)
    _prepare("convolutions", np.dtype(dtype).name, WINDOW_KINDS)


def prepare_winograd(dtype: Any) -> None:
    """As `prepare_convolutions`, and those by Winograd's transforms, which call them."""
    prepare_convolutions(dtype)
    _prepare("winograd", np.dtype(dtype).name, WINOGRAD_KINDS)


def _prepare(label: str, dtype: str, entries: Mapping[str, str]) -> None:
    if f"{label}_{dtype}" in _ready:
        return
    code = _code(label, dtype, entries)
    found = code.addresses()
    with COMPILING:
        if f"{label}_{dtype}" not in _ready:
            for symbol, address in zip(code.symbols, found, strict=True):
                llvmlite.binding.add_symbol(symbol, address)
            _ready.add(f"{label}_{dtype}")


def product_code(dtype: str) -> Code:
    """What `prepare_products` makes ready."""
    return _code("products", dtype, GEMM_KINDS)


def _code(label: str, dtype: str, entries: Mapping[str, str]) -> Code:
    names = [name for name in entries if not (plain_products() and name == "tile")]
    symbols = [gemm_symbol(entry, dtype) for entry in names]
    own = f"{'plain_' if plain_products() else ''}{label}_{dtype}"
    return Code(own, symbols, lambda: _compiled_loops(names, dtype))


def plain_products() -> bool:
    """Whether CELLDSL_GEMM asks for products without tiles and blocks, which are slow."""
    return os.environ.get("CELLDSL_GEMM", "").strip() == "plain"


def _compiled_loops(names: list[str], dtype: str) -> list[Translation]:
    from celldsl.jit.compile import compile_symbols
    from celldsl.jit.gemm.indexed import INDEXED
    from celldsl.jit.gemm.loops import LOOPS
    from celldsl.jit.gemm.plain import PLAIN
    from celldsl.jit.gemm.rounded import rounded_loops
    from celldsl.jit.gemm.windows import WINDOWS
    from celldsl.jit.gemm.winograd import WINOGRAD

    tiled = {**LOOPS, **INDEXED, **rounded_loops(target().features), **WINDOWS, **WINOGRAD}
    loops = PLAIN if plain_products() else tiled
    return compile_symbols(
        {gemm_symbol(name, dtype): (loops[name], KINDS[name]) for name in names}, dtype
    )
