"""What machine code depends on.  In: a text, a label, a target.  Out: the name of its file.

    object_name("gru", text, "float32", symbols)    # gru.float32.cpython-312.3fa81c02-7d41….o

The second part is of the machine and the versions, and differs among computers that share a folder.
The last is a hash of that and of everything else: the module's text, that of the runtime, what was
asked for.  No time of a file is in it: an image or an archive may change those.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import llvmlite
import llvmlite.binding

from celldsl.files import cut_name
from celldsl.jit.target import Target, facts_of, numba_setting
from celldsl.package import digest_of, package

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
