"""The targets.  In: nothing.  Out: `TARGETS`, from name to what it prints and who writes it.

    TARGETS["torch"].writer()(unit)      the text of a module

A target is a folder of this name whose `module.py` has `module_source(unit)`, and a line here.
`prints` says what the pipeline makes for it: a `Plan` for those that say how everything is
computed, a `Program` for those whose language or library knows how.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Literal

from celldsl.structs import record

Prints = Literal["plan", "program"]


@record
class Target:
    name: str
    prints: Prints
    help: str

    def writer(self) -> Callable[..., str]:
        """The function that writes a module; its imports are paid by who asks for it."""
        written: Callable[..., str] = import_module(
            f"celldsl.targets.{self.name}.module"
        ).module_source
        return written

    def stem(self, stem: str) -> str:
        """What a module is called that is written for a file: one for each target."""
        return stem if self.name == DEFAULT else f"{stem}_{self.name}"


DEFAULT = "numba"
TARGETS = {
    target.name: target
    for target in (
        Target("numba", "plan", "kernels for the CPU, and the class that runs them"),
        Target("torch", "program", "PyTorch's own operations, and an nn.Module"),
        Target("jax", "program", "functions in JAX's own operations"),
    )
}
