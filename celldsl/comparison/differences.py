"""Where two cells differ, and words for it.  In: equations of both.  Out: Differences.

for found in differences(read_equations(a, "LSTM"), read_equations(b, "CIFG")):
    print(found.words)              gate f: `CIFG` adds 1 before the gate

Terms are gone through side by side, from what goes out of a step down to where they part.
"""

from __future__ import annotations

from collections.abc import Iterator

from celldsl.comparison.reading import Equations
from celldsl.comparison.term import Term, alike, bag, shown, weights_of
from celldsl.comparison.words import Names, described, find_words
from celldsl.structs import record


@record
class Difference:
    """`place` is an equation of the first cell; `left` and `right` are what stands there."""

    place: str
    words: str
    left: str = ""
    right: str = ""


def differences(a: Equations, b: Equations) -> list[Difference]:
    """All of them, each once."""
    found = [*_of_names(a, b)]
    renamed = _renaming(a, b)
    left = a.ends()
    right = {renamed_end(n, renamed): rename(t, renamed) for n, t in b.ends().items()}
    names = (a.cell, b.cell if b.cell != a.cell else f"the other {b.cell}")
    for end, term in left.items():
        if end in right:
            found += _compared(term, right[end], end, names)
    found += [Difference(end, f"{a.cell} has {end}", shown(left[end], True))
              for end in left if end not in right]  # fmt: skip
    found += [Difference(end, f"{names[1]} has {end}", "", shown(right[end], True))
              for end in right if end not in left]  # fmt: skip
    if not found:
        found += _of_sharing(a, b, names)
    return list(dict.fromkeys(found))


def _of_sharing(a: Equations, b: Equations, names: Names) -> Iterator[Difference]:
    """Gates that look the same, and are one value in one of the cells."""
    counts = [len(weights_of(one.ends().values())) for one in (a, b)]
    if counts[0] != counts[1]:
        few, many = sorted(zip(counts, names, strict=True))
        words = f"{few[1]} has {few[0]} products with weights where {many[1]} has {many[0]}"
        yield Difference("", f"{words}: one gate serves for two")


def _of_names(a: Equations, b: Equations) -> Iterator[Difference]:
    for what in ("inputs", "states"):
        left, right = getattr(a, what), getattr(b, what)
        if len(left) != len(right):
            told = (f"{c.cell} has {_listed(getattr(c, what))}" for c in (a, b))
            yield Difference("", f"{what}: {'; '.join(told)}")


def _listed(names: tuple[str, ...]) -> str:
    return f"{len(names)} ({', '.join(names)})" if names else "none"


def _renaming(a: Equations, b: Equations) -> dict[str, str]:
    """Names of b as those of a: the same ones first, the others in their order."""
    found: dict[str, str] = {}
    for what in ("inputs", "states"):
        left, right = list(getattr(a, what)), list(getattr(b, what))
        for name in [n for n in right if n in left]:
            found[name] = name
            left.remove(name)
            right.remove(name)
        found.update(zip(right, left, strict=False))
    return found


def renamed_end(name: str, names: dict[str, str]) -> str:
    plain = name.removesuffix("'")
    return names.get(plain, plain) + "'" if name.endswith("'") else name


def rename(term: Term, names: dict[str, str]) -> Term:
    args = tuple(rename(arg, names) for arg in term.args)
    text = names.get(term.text, term.text) if term.op in ("input", "state", "next") else term.text
    return Term(term.op, args, text, term.name, term.weights)


def _compared(a: Term, b: Term, place: str, names: Names) -> Iterator[Difference]:
    if a == b or _same_role(a, b):
        return
    place = a.name or place
    found = find_words(a, b, names)
    if found is not None:
        if found.words:
            yield Difference(place, f"{place}: {found.words}", shown(a, True), shown(b, True))
        for one, other in found.further:
            yield from _compared(one, other, place, names)
    elif a.op == b.op and a.text == b.text and a.op in ("sum", "product"):
        yield from _of_many(a, b, place, names)
    elif a.op == b.op and a.text == b.text and len(a.args) == len(b.args) and a.args:
        for one, other in zip(a.args, b.args, strict=True):
            yield from _compared(one, other, place, names)
    else:
        told = f"`{shown(a, True)}` in {names[0]}, `{shown(b, True)}` in {names[1]}"
        yield Difference(place, f"{place}: {told}", shown(a, True), shown(b, True))


def _same_role(a: Term, b: Term) -> bool:
    """Parameters and constants have no meaning but their place."""
    return a.op == b.op and a.op in ("param", "const")


def _of_many(a: Term, b: Term, place: str, names: Names) -> Iterator[Difference]:
    """Sums and products: what both have is left out."""
    left, right = list(a.args), list(b.args)
    for term in a.args:
        same = next((other for other in right if other == term or _same_role(term, other)), None)
        if same is not None:
            left.remove(term)
            right.remove(same)
    kind = "adds" if a.op == "sum" else "multiplies by"
    while left and right:
        one = left.pop(0)
        seen = bag([one])
        nearest = max(right, key=lambda other: alike(seen, bag([other])))
        right.remove(nearest)
        yield from _compared(one, nearest, place, names)
    for term in left:
        words = f"{place}: {names[0]} {kind} {described(term)}"
        yield Difference(place, words, shown(term, True))
    for term in right:
        words = f"{place}: {names[1]} {kind} {described(term)}"
        yield Difference(place, words, "", shown(term, True))
