"""What generated modules import of celldsl, all of it.  In: names.  Out: what they stand for.

    from celldsl.runtime import Cell, describe, kernel, numerics, pointer, routine, tanh

The version of this surface is `celldsl.runtime.description.ABI`.  It goes up with every change that
a module which was written before could notice; such a module says that it must be written anew.
Names are found when they are asked for, so that what a module does not use is not imported.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from celldsl.jit.symbols import CODE_FILES
from celldsl.runtime.former import NAMES, refuse, stand_in

# A module that stands alone carries these files under another name than `celldsl`.
_ROOT = __name__.rpartition(".")[0]
FILES = {"describe": "runtime.description", "numerics": "runtime.numerics"}
_HOMES: dict[str, tuple[str, ...]] = {
    "runtime.cell.cell": ("Cell", "rebuild_cell"),
    "runtime.errors": ("ArgumentError", "ArgumentTypeError", "WeightsError"),
    "runtime.threads.thread_count": ("get_threads", "set_threads"),
    "jit.functions": (
        "add_parts",
        "add_shares",
        "copy",
        "fill",
        "given_array",
        "given_integers",
        "given_truths",
        "mask_key",
        "mask_uniform",
        "noinline",
        "routine",
        "steps_before",
    ),
    "jit.gemm.prepare": (
        "prepare_convolutions",
        "prepare_products",
        "prepare_rounded",
        "prepare_winograd",
    ),
    "jit.kernels": ("dense_rows", "kernel"),
    "jit.symbols": (*(name for names in CODE_FILES.values() for name in names),),
}
SURFACE = {name: file for file, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in FILES:
        found: Any = import_module(f"{_ROOT}.{FILES[name]}")
    elif name in SURFACE:
        found = getattr(import_module(f"{_ROOT}.{SURFACE[name]}"), name)
    else:
        if name in NAMES:
            refuse()
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*FILES, *SURFACE})


stand_in()
