"""Forks while another thread imports.  In: nothing.  Out: forks that wait until it is done.

    LOCKS.append((hold, give_back))         acquired by a fork then; `hold` may be called again

Python leaves the locks of modules to a child as they are: where a thread that stayed in the parent
had imported half of `celldsl.api`, a child that asks for it would wait for ever.
"""

from __future__ import annotations

import os
import sys
import time
from _thread import get_ident  # `threading` takes its time
from collections.abc import Callable
from types import FrameType

# A module that stands alone carries these files under another name than `celldsl`.
OURS = __name__.rpartition(".")[0] + "."
IMPORTLIB = "<frozen importlib._bootstrap>"
PATIENCE = 120.0  # seconds
# What these release after a fork, they acquire before it; not before one that waited as they came.
RELEASED = {"logging": "_lock", "concurrent.futures.thread": "_global_shutdown_lock"}
LOCKS: list[tuple[Callable[[], None], Callable[[], None]]] = []


def before_fork() -> None:
    """Waits, for PATIENCE at most; again where an import began while locks were waited for.

    Who imports may need one of these: they are not held while it is waited for.
    """
    known = sys.modules.keys() & RELEASED.keys()
    end = time.monotonic() + PATIENCE
    while True:
        while _others_import() and time.monotonic() < end:
            time.sleep(0.001)
        for hold, _ in LOCKS:
            hold()
        if not _others_import() or time.monotonic() > end:
            break
        for _, give_back in LOCKS:
            give_back()
    for name in sys.modules.keys() & RELEASED.keys() - known:
        getattr(sys.modules[name], RELEASED[name]).acquire()


def _others_import() -> bool:
    return any(map(_imports, _other_threads()))


def _other_threads() -> list[FrameType]:
    own = get_ident()
    return [frame for thread, frame in sys._current_frames().items() if thread != own]


def _imports(top: FrameType) -> bool:
    """Whether a thread imports a module of ours, or one that is imported while ours run.

    It does from where Python looks for the file on, when nothing is in `sys.modules` yet.
    """
    frame: FrameType | None = top
    amid = False
    while frame is not None:
        code = frame.f_code
        if code.co_filename != IMPORTLIB:
            if amid and _is_ours(frame.f_globals.get("__name__")):
                return True
        elif code.co_name == "_find_and_load":
            amid = True
            if _is_ours(frame.f_locals.get("name")):
                return True
        frame = frame.f_back
    return False


def _is_ours(module: object) -> bool:
    return f"{module}.".startswith(OURS)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=before_fork)
