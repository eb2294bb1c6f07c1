"""The processor that code is made for, and what code is called.  In: the environment.  Out: names.

    target().cpu, target().features                 # as LLVM takes them
    target().vector_bytes                           # 64, 32 or 16
    object_name("gru", text, "float32", symbols)    # gru.float32.cpython-312.3fa81c02-7d41….o

What a process compiles for is NUMBA_CPU_NAME's, or this machine's own.  A level of x86-64, such as
`x86-64-v3`, is what many machines have in common: what is compiled for it is for all of them.
Where nothing was compiled for this very machine, but the runtime's code for a level that it has is
there already, as in an image, it is the highest such level.  All code of a process is for one
target: products and those who call them agree on how panels lie, which follows from it.

The second part of a name is of the machine and the versions, and differs among computers that share
a folder.  The last is a hash of that and of everything else: the module's text, that of the
runtime, what was asked for.  No time of a file is in it: an image or an archive may change those.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from glob import escape
from importlib.util import find_spec
from pathlib import Path

import llvmlite
import llvmlite.binding

from celldsl.cache_folders import code_folders
from celldsl.files import cut_name, has_file, matching
from celldsl.package import digest_of, package

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


# Those that make other machine code of the same text, besides the target's.
SETTINGS = ("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE")
RUNTIME = Path(__file__)  # the runtime's own code is kept beside this file
JOBS = "jobs"  # that part of it which every process needs
LONGEST = 120  # bytes of a module's name
ALONE = not __name__.startswith("celldsl.")  # in a module that stands alone


def object_name(
    stem: str, text: str, label: str, symbols: Sequence[str], facts: str, target: Target
) -> str:
    """`facts` is what else the code depends on."""
    asked = json.dumps([runtime_digest(), machine_digest(target), label, *symbols, facts, text])
    digest = hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{family(stem, label, target)}-{digest[:24]}.o"


def family(stem: str, label: str, target: Target) -> str:
    """How the names of an object and of those that it replaces begin."""
    return f"{_short(stem)}.{label}.{sys.implementation.cache_tag}.{machine_digest(target)}"


def _short(stem: str) -> str:
    """A module's name may be as long as file systems allow; that of its code says more."""
    begins = cut_name(stem, LONGEST)
    if begins == stem:
        return stem
    return f"{begins}-{hashlib.sha256(os.fsencode(stem)).hexdigest()[:8]}"


@cache
def machine_digest(target: Target) -> str:
    """Of what machine code depends on besides texts."""
    facts = [
        llvmlite.__version__,
        _numba_version(),
        llvmlite.binding.get_process_triple(),
        facts_of(target),
        [numba_setting(name) for name in SETTINGS],
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:8]


def _numba_version() -> str:
    """Without importing it, which takes longer than everything else in a process that starts."""
    found = find_spec("numba")
    if found is None:
        raise ImportError("celldsl needs Numba: pip install numba")
    try:
        return (Path(found.origin or "").parent / "_version.py").read_text(encoding="utf-8")
    except OSError:  # in a program that is frozen
        import numba

        return str(numba.__version__)


@cache
def runtime_digest() -> str:
    """Of the runtime's sources.  A module that stands alone names its copy after them."""
    if ALONE:
        return __name__.partition(".")[0]
    return digest_of(package() / "jit", package() / "runtime")
