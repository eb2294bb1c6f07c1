"""Modules of former versions.  In: an import of what they import.  Out: an error that says so.

    from celldsl.runtime.kernel import stage        # ImportError: … write it anew with …

Up to version 3 of the surface generated modules imported files of the runtime, most of which have
other names now, and up to version 5 names that are no more.  They end in the message that a module
of a later version ends in when its class is made (`celldsl.runtime.cell.cell`).
"""

from __future__ import annotations

import re
import sys
from types import ModuleType
from typing import Any

NAMES = ("stage",)
FORMER = ("code", "gemm", "gemm.symbols", "kernel", "masks")
_HEADER = re.compile(r"(\w+): made by celldsl (\S+) from (.+)\.$", re.MULTILINE)


def written_for_another(name: str, version: str, source: str) -> ImportError:
    """The error for a module of another version of the surface."""
    return ImportError(
        f"{name} was written by celldsl {version}, for another runtime than this one: write it "
        f"anew with `celldsl compile {source}`"
    )


class FormerFile(ModuleType):
    """Stands for a file of the runtime that has another name now."""

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__"):
            refuse()
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


def refuse() -> None:
    """Raises what a module of another version is told, where such a one asks."""
    found = _HEADER.match(_importing_module().get("__doc__") or "")
    if found is not None:
        raise written_for_another(*found.groups())


def _importing_module() -> dict[str, Any]:
    """The globals of the module that asks."""
    frame = sys._getframe(3)
    while frame.f_back is not None and frame.f_globals["__name__"].startswith("importlib"):
        frame = frame.f_back
    return frame.f_globals


def stand_in() -> None:
    """Lets imports of the former files find what says that they are no more."""
    package = __name__.rpartition(".")[0]
    for name in FORMER:
        sys.modules.setdefault(f"{package}.{name}", FormerFile(f"{package}.{name}"))
