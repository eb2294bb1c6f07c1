"""The name that was meant.  In: a name and the names there are.  Out: the nearest, or None.

    nearest("sigmiod", ["sigmoid", "tanh"])     "sigmoid"

A name that is too far from all of them has no suggestion.
"""

from __future__ import annotations

from collections.abc import Iterable

# A longer name, or one that is wrong in more places, is not mistyped by hand.
MAX_LENGTH = 64
MAX_EDITS = 5


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate within a third of the name's length in edits; ties go to the first by name."""
    if len(name) > MAX_LENGTH:
        return None
    limit = min(max(1, len(name) // 3), MAX_EDITS)
    best: tuple[int, str] | None = None
    for candidate in sorted(set(candidates)):
        if candidate == name or abs(len(candidate) - len(name)) > limit:
            continue
        distance = edit_distance(name.lower(), candidate.lower())
        # A single letter is near to every other: only its case may differ, or how often it stands.
        single = 1 in (len(name), len(candidate))
        near = set(name.lower()) == set(candidate.lower()) if single else distance <= limit
        if near and (best is None or distance < best[0]):
            best = (distance, candidate)
    return best[1] if best else None


def edit_distance(a: str, b: str) -> int:
    """Insertions, deletions, replacements and swaps of neighbours that make `a` into `b`."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        two_before, before, row = before, row, [i]
        for j, right in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == b[j - 2] and a[i - 2] == right:
                cost = min(cost, two_before[j - 2] + 1)
            row.append(cost)
    return row[-1]
