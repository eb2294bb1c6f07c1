"""Recurrent cells written as their equations, compiled to fast kernels.

    import celldsl

    GRU = celldsl.load("gru.cell")
    cell = GRU(I=28, H=128)
    y, state = cell(x)

Names are found when they are first asked for, so that the command line starts at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celldsl import fork_amid_imports as _  # noqa: F401 - from now on forks wait for imports
from celldsl.version import __version__

if TYPE_CHECKING:
    from celldsl import inspection, optim, zoo
    from celldsl.api import compile_source, load
    from celldsl.cache_folders import CacheWarning
    from celldsl.cell_warning import CellWarning
    from celldsl.diagnostics.errors import CellError
    from celldsl.jit.target import MachineCodeError
    from celldsl.runtime.errors import (
        ArgumentError,
        ArgumentTypeError,
        NonFiniteError,
        WeightsError,
        WeightsWarning,
    )
    from celldsl.runtime.threads.thread_count import get_threads, set_threads

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "CacheWarning",
    "CellError",
    "CellWarning",
    "MachineCodeError",
    "NonFiniteError",
    "WeightsError",
    "WeightsWarning",
    "__version__",
    "compile_source",
    "get_threads",
    "inspection",
    "load",
    "optim",
    "set_threads",
    "zoo",
]

_HOMES = {
    "ArgumentError": "celldsl.runtime.errors",
    "ArgumentTypeError": "celldsl.runtime.errors",
    "NonFiniteError": "celldsl.runtime.errors",
    "WeightsError": "celldsl.runtime.errors",
    "WeightsWarning": "celldsl.runtime.errors",
    "CellError": "celldsl.diagnostics.errors",
    "CacheWarning": "celldsl.cache_folders",
    "MachineCodeError": "celldsl.jit.target",
    "CellWarning": "celldsl.cell_warning",
    "compile_source": "celldsl.api",
    "load": "celldsl.api",
    "get_threads": "celldsl.runtime.threads.thread_count",
    "set_threads": "celldsl.runtime.threads.thread_count",
}
# `jax` and `torch` are extras, and no part of `from celldsl import *`.
_MODULES = ("inspection", "jax", "optim", "torch", "zoo")
# What `%load_ext celldsl` asks for.
_IPYTHON = {"load_ipython_extension": "load", "unload_ipython_extension": "unload"}


def __getattr__(name: str) -> Any:
    if name not in {*__all__, *_MODULES, *_IPYTHON}:
        raise AttributeError(f"module 'celldsl' has no attribute {name!r}")
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"celldsl.{name}")
    if name in _IPYTHON:
        return getattr(import_module("celldsl.notebook.extension"), _IPYTHON[name])
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES})
