"""Machine code ahead of use.  In: a generated module.  Out: its code on disk, and the runtime's.

    compile_module(Path("gru.py"), "float32", {})
    compile_for("x86-64-v3", Path("gru.py"), "float32", {})     # for all machines of that level

A small cell goes forward, backward and a step: whoever imports the module next compiles nothing.
A process has code for one target, so that another one's is made in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from celldsl.cli.output import CommandError
from celldsl.cli.sample import sample_cell
from celldsl.jit.target import lacks, levels_here
from celldsl.runtime.arrays.inputs import drawn_input, of_step


def compile_module(path: Path, dtype: str, settings: Mapping[str, Any]) -> None:
    """Runs every kernel of the module at `path` once, in this dtype."""
    with _imported(path) as module:
        for cls in _classes(module):
            _run_kernels(cls, dtype, settings)


def compile_for(level: str, path: Path, dtype: str, settings: Mapping[str, Any]) -> None:
    """The same for a level of x86-64.  Raises CommandError where this machine cannot run it."""
    lacking = lacks(level)
    if lacking:
        has = levels_here()[-1:] or ("other code",)
        raise CommandError(
            f"--for {level}: the kernels are run once, and this machine has no "
            f"{', '.join(lacking)}; it can run {has[0]}"
        )
    command = [sys.executable, "-m", __name__, str(path), dtype, json.dumps(dict(settings))]
    environment = {**os.environ, "NUMBA_CPU_NAME": level, "NUMBA_CPU_FEATURES": ""}
    done = subprocess.run(command, env=environment, check=False)
    if done.returncode:
        raise CommandError(f"--for {level}: {path} was not compiled")


def _run_kernels(cls: Any, dtype: str, settings: Mapping[str, Any]) -> None:
    known = {item.name for item in (*cls.description.dims, *cls.description.hypers)}
    cell = sample_cell(cls, {k: v for k, v in settings.items() if k in known}, dtype)
    random = np.random.default_rng(0)
    described = cls.description.inputs
    inputs = {a.name: drawn_input(a, cell.dims, (2, 2), random, dtype) for a in described}
    y, state, tape = cell.forward(inputs)
    cell.backward(tape, y, state)
    cell.step({a.name: of_step(a, inputs[a.name], 0) for a in described}, state)
    # Rows are moved by code of the runtime, which a process that cannot keep it wants there too.
    cell(inputs, lengths=np.array([2, 1]))


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


if __name__ == "__main__":
    compile_module(Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
