"""The compiler, for what a running cell asks it: which equation, and do two cells differ?

    compiler().equations(description.sources)

It is imported at the first question, and works from the sources that every class carries.  This is
the only file that knows of it; where it is not installed there is none.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any


@cache
def compiler() -> Any:
    """The module `celldsl.questions`, or None."""
    try:
        return import_module("celldsl.questions")
    except ImportError:  # a module that stands alone has the runtime only
        return None
