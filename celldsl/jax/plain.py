"""A cell in JAX's own operations.  In: a Description.  Out: the module that `--target jax` writes.

    module = plain_module(GRU.description)
    y, state = module.forward(params, x)

It is made of the sources that every class carries, when it is first needed: that is when the
compiler is imported.
"""

from __future__ import annotations

import sys
from functools import cache
from types import ModuleType

from celldsl.runtime.description import Description
from celldsl.runtime.errors import ArgumentTypeError


def plain_module(described: Description) -> ModuleType:
    """Raises ArgumentTypeError for a class without sources."""
    if not described.sources:
        raise ArgumentTypeError(
            f"{described.name}: was made without its sources, so that there is no plain code of it;"
            f" compile {described.source} again"
        )
    structure = tuple((h.name, h.value) for h in described.hypers if h.fixed)
    structure += tuple((d.name, d.fixed) for d in described.dims if d.fixed is not None)
    return _module(described.sources, described.name, structure, described.digest)


@cache
def _module(
    sources: tuple[tuple[str, str], ...],
    name: str,
    structure: tuple[tuple[str, object], ...],
    digest: str,
) -> ModuleType:
    from celldsl.questions import plain_source

    text = plain_source(sources, name, structure, digest, "jax")
    found = ModuleType(f"celldsl.generated.plain_{digest}")
    # Annotations of named tuples are looked up by the module's name.
    sys.modules[found.__name__] = found
    exec(compile(text, f"<{name} in JAX's own operations>", "exec"), found.__dict__)
    return found
