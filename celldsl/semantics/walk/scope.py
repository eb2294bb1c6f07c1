"""What names stand for.  In: nothing.  Out: Binding, the words for its kinds, and tests of it.

A scope is a dict of bindings; a Frame has several, the innermost last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from celldsl.diagnostics.span import Span
from celldsl.record import entity
from celldsl.semantics.walk.values import Value

Kind = Literal[
    "dim", "hyper", "input", "state", "param", "const", "value", "index", "sub", "argument"
]


@entity
class Binding:
    """What a name stands for; `depth` counts the loops around its first definition."""

    kind: Kind
    value: Value
    span: Span
    depth: int = 0
    rebound: object = None


def a_kind(kind: str) -> str:
    """A kind of name with its article."""
    words = {
        "hyper": "a hyperparameter",
        "sub": "an inner cell",
        "index": "a loop's index",
        "param": "a parameter",
    }
    article = "an" if kind[0] in "aeiou" else "a"
    return words.get(kind, f"{article} {kind}")


Fits = Callable[[Binding], bool]


def anything(binding: Binding) -> bool:
    return True
