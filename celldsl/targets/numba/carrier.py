"""How a module that stands alone imports the runtime.  In: texts.  Out: a package of them.

`standalone` puts this file into such modules, with texts in `RUNTIME`.  They are imported as files
beside the module would be, each when it is first asked for, and their bytecode is kept likewise.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

PACKAGE = "celldsl"
RUNTIME: dict[str, str] = {}


class CarriedFile(SourceFileLoader):
    """Loads a file of the runtime from its text."""

    def get_data(self, path: str) -> bytes:
        return RUNTIME[self.name].encode() if path == self.path else super().get_data(path)

    def path_stats(self, path: str) -> dict[str, int]:
        # The package's name changes with every text, and so do those of its bytecode.
        return {"mtime": 0, "size": len(RUNTIME[self.name].encode())}

    def exec_module(self, module: ModuleType) -> None:
        # What the runtime keeps on disk, it keeps beside its own file.
        module.__file__ = __file__
        super().exec_module(module)


class CarriedFiles:
    """Finds the files of the runtime by their names."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in RUNTIME:
            return None
        place = str(Path(__file__).absolute().with_name(f"{name}.py"))
        loader = CarriedFile(name, place)
        spec = spec_from_file_location(name, place, loader=loader)
        if spec is not None and any(other.startswith(f"{name}.") for other in RUNTIME):
            # In no folder: files that lie beside this one are not those of the package.
            spec.submodule_search_locations = []
        return spec


if not any(name.partition(".")[0] == PACKAGE for name in sys.modules):
    sys.meta_path.append(CarriedFiles)
