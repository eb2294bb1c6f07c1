"""What a frozen program needs of celldsl: PyInstaller runs this, and reads the names below.

Most modules are imported when they are first asked for.  Stages are compiled from their text, so
the sources go beside the bytecode; grammar and cells are files.
"""

from __future__ import annotations

from PyInstaller.utils.hooks import collect_data_files, collect_submodules

from celldsl.package import shipped

# Layers for other libraries: a program that uses one imports it.
_APART = ("celldsl.torch", "celldsl.jax", "celldsl.cli.benchmark", "celldsl.__pyinstaller")

hiddenimports = collect_submodules("celldsl", lambda name: not name.startswith(_APART))
datas = [
    *collect_data_files("celldsl", excludes=["**/__pycache__"]),
    *((str(shipped(folder)), f"celldsl/{folder}") for folder in ("grammars", "examples")),
    # Which version it is, without importing it.
    *collect_data_files("numba", include_py_files=True, includes=["_version.py"]),
]
module_collection_mode = {"celldsl": "pyz+py"}
