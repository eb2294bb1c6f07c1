"""Products ready to be called.  In: a dtype.  Out: symbols that compiled code can name.

prepare_products("float32")                                   # in Python, before kernels are loaded
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import llvmlite.binding
import numpy as np

from celldsl.jit.gemm.symbols import GEMM_KINDS, gemm_symbol
from celldsl.jit.object_cache import addresses_of

_GEMM_SOURCE = Path(__file__)
_gemm_ready: set[str] = set()
_gemm_lock = threading.Lock()


def prepare_products(dtype: Any) -> None:
    """Makes the symbols of a dtype known: compiles the loops, or loads what was compiled before.

    A process that loads a kernel whose symbols are unknown ends there and then.
    """
    name = np.dtype(dtype).name
    with _gemm_lock:
        if name not in _gemm_ready:
            symbols = [gemm_symbol(entry, name) for entry in GEMM_KINDS]
            label = f"products_{name}"
            found = addresses_of(_GEMM_SOURCE, label, symbols, lambda: _compiled_loops(name))
            for symbol, address in zip(symbols, found, strict=True):
                llvmlite.binding.add_symbol(symbol, address)
            _gemm_ready.add(name)


def _compiled_loops(dtype: str) -> bytes:
    from celldsl.jit.compile import compile_symbols
    from celldsl.jit.gemm.loops import LOOPS

    return compile_symbols(
        {gemm_symbol(name, dtype): (LOOPS[name], GEMM_KINDS[name]) for name in LOOPS}, dtype
    )
