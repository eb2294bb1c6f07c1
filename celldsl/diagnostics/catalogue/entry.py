"""What is said about one code.  In: nothing.  Out: Entry."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """A title for lists, an explanation in whole sentences, and a file of each kind."""

    title: str
    explanation: str
    bad: str = ""
    good: str = ""
