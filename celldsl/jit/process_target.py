"""What this process compiles for, and loads.  In: the environment, code on disk.  Out: a Target.

    target()

It is NUMBA_CPU_NAME's, or this machine's own.  Where nothing was compiled for this very machine,
but the runtime's code for a level of x86-64 that it has is there already, as in an image, it is the
highest such level.  All code of a process is for one target: products and those who call them agree
on how panels lie, which follows from it.
"""

from __future__ import annotations

from functools import cache
from glob import escape

from celldsl.cache_folders import code_folders
from celldsl.files import matching
from celldsl.jit.object_key import JOBS, RUNTIME, family
from celldsl.jit.target import Target, host_target, level_targets, named_target


@cache
def target() -> Target:
    named = named_target()
    if named is not None:
        return named
    known = (each for each in (host_target(), *level_targets()) if _has_runtime(each))
    return next(known, host_target())


def _has_runtime(made_for: Target) -> bool:
    """Whether the code that every process needs was compiled for a target."""
    found = f"{escape(family(RUNTIME.stem, JOBS, made_for))}-*.o"
    return any(matching(folder, found) for folder, _ in code_folders(RUNTIME))
