"""Programs that PyInstaller freezes.  In: nothing.  Out: where the hook is.

PyInstaller asks the entry point `pyinstaller40` of each package that is installed.
"""

from __future__ import annotations

from pathlib import Path


def hook_folders() -> list[str]:
    return [str(Path(__file__).parent)]
