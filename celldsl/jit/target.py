"""The processor that code is made for.  In: the environment, this machine.  Out: a Target.

    target().cpu, target().features        # as LLVM takes them
    target().vector_bytes                  # 64, 32 or 16

It is this machine's own, unless NUMBA_CPU_NAME says another.  A level of x86-64, such as
`x86-64-v3`, is what many machines have in common: what is compiled for it is for all of them.
"""

from __future__ import annotations

import json
import os
import platform
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import llvmlite.binding

from celldsl.files import has_file

# What each level has besides the one before, by LLVM's names.
LEVELS = {
    "x86-64": "",
    "x86-64-v2": "cx16 popcnt sahf sse3 sse4.1 sse4.2 ssse3",
    "x86-64-v3": "avx avx2 bmi bmi2 f16c fma lzcnt movbe xsave",
    "x86-64-v4": "avx512bw avx512cd avx512dq avx512f avx512vl",
}
NARROW = ("generic", "x86-64", "x86-64-v2")
_WORDS = {"max": 3, "True": 1, "False": 0}
_OPTIONS = Path(".numba_config.yaml")  # of the current folder, as Numba reads it


class MachineCodeError(RuntimeError):
    """Machine code cannot run here: the system forbids it, or it is for another processor."""


@dataclass(frozen=True)
class Target:
    """`features` are LLVM's, `+avx2,-avx512f,…`; those of a named CPU are in its name."""

    cpu: str
    features: str
    vector_bytes: int


def numba_setting(name: str) -> str:
    """A setting of Numba's: NUMBA_… or, where there is its file, what that says."""
    given = os.environ.get(f"NUMBA_{name}", "").strip()
    if given or not has_file(_OPTIONS):
        return given
    from numba.core import config

    found = getattr(config, name, None)
    return "" if found is None else str(found)


def numba_number(name: str, otherwise: int) -> int:
    """A setting that is a number; Numba says `max` for the highest level of optimisation."""
    text = numba_setting(name)
    if not text:
        return otherwise
    try:
        return _WORDS[text] if text in _WORDS else int(text)
    except ValueError:
        warnings.warn(
            f"NUMBA_{name}={text}: expected a number; {otherwise} is taken",
            RuntimeWarning,
            stacklevel=2,
        )
        return otherwise


def named_target() -> Target | None:
    """That of NUMBA_CPU_NAME.  Raises MachineCodeError where this machine is known to lack it."""
    cpu = numba_setting("CPU_NAME")
    if not cpu or cpu == "host":
        return None
    lacking = lacks(cpu)
    if lacking:
        raise MachineCodeError(
            f"NUMBA_CPU_NAME={cpu}: this machine has no {', '.join(lacking)}; "
            f"it has {', '.join(levels_here()) or 'no level of x86-64'}"
        )
    features = numba_setting("CPU_FEATURES")
    return Target(cpu, features, _vector_bytes(cpu, _flags(features)))


@cache
def host_target() -> Target:
    """This machine's own.  NUMBA_ENABLE_AVX=0 and NUMBA_CPU_FEATURES do as they do in Numba."""
    features = llvmlite.binding.get_host_cpu_features()
    if numba_setting("ENABLE_AVX") in ("0", "False"):
        features.update({name: False for name in features if name.startswith("avx")})
    text = numba_setting("CPU_FEATURES") or features.flatten()
    return Target(llvmlite.binding.get_host_cpu_name(), text, _vector_bytes("", _flags(text)))


def level_targets() -> list[Target]:
    """Those of the levels that this machine has, the highest first."""
    return [Target(level, "", _vector_bytes(level, {})) for level in reversed(levels_here())]


@cache
def levels_here() -> tuple[str, ...]:
    return tuple(level for level in LEVELS if not lacks(level))


def lacks(cpu: str) -> list[str]:
    """What this machine lacks of a level; nothing is known of other names."""
    if cpu not in LEVELS:
        return []
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return [cpu]
    has = llvmlite.binding.get_host_cpu_features()
    names = [*LEVELS][: [*LEVELS].index(cpu) + 1]
    wanted = [feature for level in names for feature in LEVELS[level].split()]
    return [feature for feature in wanted if not has.get(feature)]


def _flags(features: str) -> dict[str, bool]:
    return {each[1:]: each[0] == "+" for each in features.split(",") if each}


def _vector_bytes(cpu: str, flags: Mapping[str, bool]) -> int:
    """How wide vectors are worth it; right or wrong, code of one target agrees on it."""
    if flags.get("avx512f") or cpu == "x86-64-v4":
        return 64
    if (flags.get("avx2") and flags.get("fma")) or flags.get("neon"):
        return 32
    return 16 if not cpu or cpu in NARROW else 32


def facts_of(target: Target) -> str:
    return json.dumps([target.cpu, target.features, target.vector_bytes])
