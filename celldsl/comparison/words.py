"""Words for what builders of cells know by name.  In: two terms that differ.  Out: Found, or None.

find_words(a, b, ("GRU", "ChungGRU"))
    Found("the gate keeps the old value in GRU, and takes the new one in ChungGRU", …)

A rule says what it saw, and which parts of the two are still to be compared.
"""

from __future__ import annotations

from collections.abc import Callable

from celldsl.comparison.term import Term, product, shown
from celldsl.structs import record

SQUASHING = {"sigmoid", "tanh", "relu", "hard_sigmoid", "softplus", "exp", "sin", "silu", "gelu"}
AROUND = {
    "clip": "is clipped", "layer_norm": "is normalised", "rms_norm": "is normalised",
    "dropout": "is dropped out", "zoneout": "is zoned out", "mix": "is gated",
}  # fmt: skip
Names = tuple[str, str]
Pairs = tuple[tuple[Term, Term], ...]


@record
class Found:
    words: str
    further: Pairs = ()


Rule = Callable[[Term, Term, Names], Found | None]


def find_words(a: Term, b: Term, names: Names) -> Found | None:
    """The first rule that knows both orders of the pair, or one of them."""
    for rule in (_mixed, _squashed, _aged, _read):
        found = rule(a, b, names)
        if found is not None:
            return found
    for rule in (_coupled, _reset, _added, _summand, _wrapped):
        found = rule(a, b, names) or _turned(rule(b, a, (names[1], names[0])))
        if found is not None:
            return found
    return None


def _turned(found: Found | None) -> Found | None:
    return found and Found(found.words, tuple((b, a) for a, b in found.further))


def described(term: Term) -> str:
    """A summand or factor."""
    kinds = {arg.op for arg in term.args} if term.op == "product" else set()
    if {"param", "state"} <= kinds:
        return f"`{shown(term)}`: each unit sees its own old value"
    if {"param", "next"} <= kinds:
        return f"`{shown(term)}`: each unit sees its own new value"
    return f"`{shown(term)}`"


def _mixed(a: Term, b: Term, names: Names) -> Found | None:
    """`z * h + (1 - z) * n` beside `(1 - z) * h + z * n`."""
    if a.op != "mix" or b.op != "mix":
        return None
    (gate, kept, new), (other, kept_there, new_there) = a.args, b.args
    if not (_is_old(kept) == _is_old(new_there) != _is_old(new) == _is_old(kept_there)):
        return None
    does = ("keeps the old value", "takes the new one") if _is_old(kept) else (
        "takes the new value", "keeps the old one")  # fmt: skip
    words = f"the gate {does[0]} in {names[0]}, and {does[1]} in {names[1]}"
    return Found(words, ((gate, other), (kept, new_there), (new, kept_there)))


def _is_old(term: Term) -> bool:
    return term.op == "state" or (term.op == "product" and any(t.op == "state" for t in term.args))


def _squashed(a: Term, b: Term, names: Names) -> Found | None:
    if a.op in SQUASHING and b.op in SQUASHING and a.op != b.op:
        further = tuple(zip(a.args, b.args, strict=False))
        return Found(f"{a.op} in {names[0]}, {b.op} in {names[1]}", further)
    return None


def _aged(a: Term, b: Term, names: Names) -> Found | None:
    if {a.op, b.op} == {"state", "next"} and a.text == b.text:
        return Found(f"reads `{shown(a)}` in {names[0]}, `{shown(b)}` in {names[1]}")
    return None


def _read(a: Term, b: Term, names: Names) -> Found | None:
    """Two products with weights: what they read, and how their bias begins."""
    if a.op != "linear" or b.op != "linear":
        return None
    told = []
    if a.text != b.text:
        told.append(f"{names[0]} {_bias(a)}, {names[1]} {_bias(b)}")
    if a.args != b.args:
        left, right = (" and ".join(shown(t) for t in term.args) for term in (a, b))
        if left == right:  # what they read differs further down
            return Found("; ".join(told), tuple(zip(a.args, b.args, strict=True)))
        told.append(f"reads {left} in {names[0]}, {right} in {names[1]}")
    return Found("; ".join(told)) if told else None


def _bias(term: Term) -> str:
    return "has no bias" if term.text == "none" else f"begins its bias at {term.text}"


def _coupled(a: Term, b: Term, names: Names) -> Found | None:
    if a.op != "mix" or b.op != "sum" or len(b.args) != 2:
        return None
    words = f"one gate keeps and takes in {names[0]}, two gates in {names[1]}"
    return Found(words)


def _reset(a: Term, b: Term, names: Names) -> Found | None:
    """`linear([x, r * h])` beside `linear(x) + r * linear(h)`."""
    if a.op != "linear" or b.op != "sum":
        return None
    before = any(operand.op == "product" for operand in a.args)
    after = any(t.op == "product" and any(f.op == "linear" for f in t.args) for t in b.args)
    if not (before and after):
        return None
    gates = [f for t in a.args if t.op == "product" for f in t.args if f.op != "state"]
    there = [f for t in b.args if t.op == "product" for f in t.args if f.op != "linear"]
    words = f"the reset comes before the product in {names[0]}, after it in {names[1]}"
    return Found(words, ((product(gates), product(there)),) if gates and there else ())


def _added(a: Term, b: Term, names: Names) -> Found | None:
    """A bias that is trained from a number on, beside a number that is added each time."""
    if a.op != "linear" or b.op != "sum" or a.text in ("0", "none"):
        return None
    products = [t for t in b.args if t.op == "linear"]
    added = [t for t in b.args if t.op == "number"]
    others = [t for t in b.args if t.op not in ("linear", "number")]
    if len(products) != 1 or len(added) != 1 or others:
        return None
    words = (f"a trained bias begins at {a.text} in {names[0]}; "
             f"{shown(added[0])} is added whenever it runs in {names[1]}")  # fmt: skip
    here = Term("linear", a.args, products[0].text)
    return Found(words, ((here, products[0]),))


def _summand(a: Term, b: Term, names: Names) -> Found | None:
    """A sum, and one of its terms."""
    if a.op != "sum":
        return None
    near = [t for t in a.args if t == b] or [t for t in a.args if t.op == b.op == "linear"]
    if not near:
        return None
    rest = list(a.args)
    rest.remove(near[0])
    if [t.op for t in rest] == ["number"]:
        words = f"{names[0]} adds {shown(rest[0])} whenever it runs"
    else:
        words = f"{names[0]} adds {', '.join(described(t) for t in rest)}"
    return Found(words, ((near[0], b),))


def _wrapped(a: Term, b: Term, names: Names) -> Found | None:
    if a.op not in AROUND or b.op == a.op:
        return None
    inside = a.args[2] if a.op == "mix" else a.args[0]
    if b.op not in ("number", "name") and (inside == b or a.op != "mix"):
        return Found(f"the value {AROUND[a.op]} in {names[0]} alone", ((inside, b),))
    return None
