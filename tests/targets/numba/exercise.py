"""Runs a generated module in a process of its own.  In: a module, a class.  Out: an `.npz` file.

    python exercise.py gru.py GRU out.npz [refused packages…]

The process cannot import what is refused.  The file has every array that the cell gives, and
whether anything was compiled.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np


class Refuse:
    """Stands before all finders, and lets nothing of these packages be found."""

    def __init__(self, packages: list[str]) -> None:
        self.packages = packages

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.partition(".")[0] in self.packages:
            raise ImportError(f"{name} is refused")


def arrays_of(cls: Any, folder: Path) -> dict[str, Any]:
    """Everything that a cell with sizes I and H gives."""
    rng = np.random.default_rng(0)
    sizes = dict(zip([d.name for d in cls.description.dims], (5, 9), strict=True))
    first = next(iter(sizes.values()))
    cell = cls(**sizes, dtype="float32", seed=3)
    x = rng.normal(size=(6, 3, first)).astype("float32")
    y, state, tape = cell.forward(x)
    found = {"y": y, "final": state[0]}
    grads = cell.backward(tape, y, state)
    found |= {f"grad {name}": array for name, array in grads.params.items()}
    found |= {f"grad {name}": array for name, array in grads.inputs.items()}
    found["grad start"] = grads.state[0]
    found["step"], after = cell.step(x[0])
    found["second step"], _ = cell.step(x[1], after)
    stream = cell.stream(batch=3)
    found["stream"] = np.stack([stream(x_t) for x_t in x])
    cell.save(folder / "weights.safetensors")
    again = cls.from_file(folder / "weights.safetensors")
    found["again"], _ = again(x, lengths=np.array([6, 2, 4]))
    return found


def list_objects(folder: Path) -> list[tuple[str, int]]:
    """The machine code that is kept in a folder, with times."""
    return sorted((str(path), path.stat().st_mtime_ns) for path in folder.rglob("*.o"))


def main(module: Path, name: str, out: Path, refused: list[str]) -> None:
    sys.meta_path.insert(0, Refuse(refused))  # type: ignore[arg-type]
    sys.path.insert(0, str(module.parent))
    objects = list_objects(module.parent)
    made = importlib.import_module(module.stem)
    found = arrays_of(getattr(made, name), out.parent)
    found["compiled"] = objects != list_objects(module.parent)
    found["modules"] = sorted({name.partition(".")[0] for name in sys.modules})
    np.savez(out, **found)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4:])
