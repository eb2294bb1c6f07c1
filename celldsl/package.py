"""Files that come with celldsl.  In: names.  Out: files, in a folder or in an archive.

    shipped("grammars") / "cell.lark"
    for name, file in files_below(package(), (".py",)): ...

An installed package is a folder, and so is what PyInstaller unpacks.  Inside an archive, as of
zipapp, `importlib.resources` reads them: importing that takes a while, so only there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.abc import Traversable

_FOLDER = Path(__file__).parent
SOURCES = (".py", ".pyc", ".cell", ".lark")  # of a package without sources, bytecode
NO_SOURCES = ("__pycache__", "examples", "grammars")  # those of the last are asked for by name


def package() -> Traversable:
    """The package's own folder."""
    if _FOLDER.is_dir():
        return _FOLDER
    from importlib.resources import files

    return files(__package__)


def shipped(folder: str) -> Traversable:
    """A folder of what is no Python: in the package, or at the top of a checkout."""
    own = package() / folder
    return own if own.is_dir() else _FOLDER.parent / folder


def files_below(
    folder: Traversable, suffixes: Collection[str], inside: str = ""
) -> Iterator[tuple[str, Traversable]]:
    """(name below the folder, file), by name."""
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        name = f"{inside}{entry.name}"
        if entry.name.endswith(tuple(suffixes)):
            yield name, entry
        elif "." not in entry.name and entry.name not in NO_SOURCES and entry.is_dir():
            yield from files_below(entry, suffixes, f"{name}/")


def digest_of(*folders: Traversable) -> str:
    """A hash of the sources in folders: of what is in them, and not of when they were written."""
    import hashlib  # which `celldsl check` does without

    found = hashlib.sha256()
    for folder in folders:
        for name, file in files_below(folder, SOURCES):
            found.update(f"\0{name}\0".encode())
            found.update(file.read_bytes())
    return found.hexdigest()
