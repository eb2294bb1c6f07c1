"""Machine code ahead of use.  In: a generated module.  Out: its kernels in Numba's cache on disk.

    compile_module(Path("gru.py"), "float32", {})

A small cell goes forward, backward and a step: whoever imports the module next compiles nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from celldsl.cli.sample import sample_cell


def compile_module(path: Path, dtype: str, settings: Mapping[str, Any]) -> None:
    """Runs every kernel of the module at `path` once, in this dtype."""
    with _imported(path) as module:
        for cls in _classes(module):
            _run_kernels(cls, dtype, settings)


def _run_kernels(cls: Any, dtype: str, settings: Mapping[str, Any]) -> None:
    known = {item.name for item in (*cls.description.dims, *cls.description.hypers)}
    cell = sample_cell(cls, {k: v for k, v in settings.items() if k in known}, dtype)
    inputs = {
        a.name: np.zeros((2, 2, *a.shape(**cell.dims)), dtype) for a in cls.description.inputs
    }
    y, state, tape = cell.forward(inputs)
    cell.backward(tape, y, state)
    cell.step({name: array[0] for name, array in inputs.items()}, state)


@contextmanager
def _imported(path: Path) -> Iterator[ModuleType]:
    """The module at `path`, under its own name for as long as it is compiled."""
    spec = spec_from_file_location(path.stem, path.resolve())
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no module")
    module = module_from_spec(spec)
    before = sys.modules.get(path.stem)
    # Numba looks a module up by its name when it compiles and when it saves; afterwards
    # `json.cell` must not have replaced `json`.
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.modules.pop(path.stem)
        if before is not None:
            sys.modules[path.stem] = before


def _classes(module: ModuleType) -> list[Any]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and value.__module__ == module.__name__
        and "description" in vars(value)
    ]
