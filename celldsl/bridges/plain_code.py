"""A cell in the operations of another library, as a module.  In: a Description.  Out: a module.

    module = plain_module(described, "torch")       # what `celldsl compile --target torch` writes
    module.forward(params, x)

The text is made when it is first asked for and kept beside other generated modules.
"""

from __future__ import annotations

import hashlib
import linecache
import sys
from functools import cache
from types import ModuleType
from typing import Any

from celldsl.bridges.recipe import Recipe
from celldsl.cache_folders import keep, kept
from celldsl.carried_files import carried
from celldsl.fingerprint import source_key
from celldsl.runtime.errors import ArgumentTypeError

Structure = tuple[tuple[str, Any], ...]
Sources = tuple[tuple[str, str], ...]


def plain_module(recipe: Recipe, target: str) -> ModuleType:
    """Raises ArgumentTypeError for a class that does not carry its sources."""
    described = recipe.described
    if not described.sources:
        raise ArgumentTypeError(
            f"{described.name}: its module was written without the cell's source, of which plain "
            "code is made; load the cell from its file, celldsl.load(…)"
        )
    return _module(
        tuple((str(name), str(text)) for name, text in described.sources),
        described.name,
        tuple(recipe.structure.items()),
        target,
        recipe.cls.observed,
    )


@cache
def _module(
    sources: Sources, cell: str, structure: Structure, target: str, observed: Any
) -> ModuleType:
    text = _kept_text(sources, cell, structure, target, observed)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    name = f"celldsl.generated.plain_{target}_{digest}"
    made = ModuleType(name, f"{cell} in the operations of {target}.")
    file = made.__file__ = f"<{cell} for {target}>"
    # So that a traceback through it shows its lines.
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    sys.modules[name] = made
    exec(compile(text, file, "exec"), vars(made))
    return made


def _kept_text(
    sources: Sources, cell: str, structure: Structure, target: str, observed: Any
) -> str:
    (name, text), *_ = sources
    told = f"{sources[1:]!r} {target}"
    key = source_key(text, name, None, None, cell, dict(structure), frozenset(), observed)
    whole = hashlib.sha256(f"{key} {told}".encode()).hexdigest()[:32]
    file = f"plain-{target}-{whole}.txt"
    known = kept(file)
    if known is not None:
        return known.decode()
    found = _written(sources, cell, structure, target, observed)
    keep(file, found.encode())
    return found


def _written(sources: Sources, cell: str, structure: Structure, target: str, observed: Any) -> str:
    from celldsl.pipeline import generate

    (name, text), *used = sources
    root = carried(sources) if used else None
    return generate(
        text,
        name if root is None else str(root / name),
        cell=cell,
        structure=dict(structure),
        root=root,
        target=target,
        observed=observed,
    )
