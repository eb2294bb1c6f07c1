r"""What values, numbers and sizes are called in equations.  In: names of authors.  Out: LaTeX.

    gamma_x          \gamma^{x}_{t}        a value of a step; its index is above, for the time
    h, h'            h_{t-1}, h_{t}        a state as it came in, and as it goes out
    r_u.W_x          W^{(r,u)}_{x}         a parameter: it has no time
    1e-06            10^{-6}               with how tightly it binds, as sizes have
    2*H + I          2 \cdot H + I

No two values have one symbol.  `layer.0.r` in the inner cell `layer.0` is r^{(layer,0)}_{t}; the
value that the second iteration of a loop gives `u` is u^{(1)}_{t}.  Iterations stand between angle
brackets until `plain` is called, so that those which say the same can be told
(`celldsl.pictures.folding`).
"""

from __future__ import annotations

import math
import re

from celldsl.ir.notes import Definition
from celldsl.ir.size import Shape, Size
from celldsl.pictures.notation import ATOM, POWER, PRODUCT, SUM
from celldsl.syntax.names import GREEK

GREEK_NAMES = frozenset(GREEK.values())
# Of letters that LaTeX has no command for, because a Latin one looks the same.
LATIN = {"omicron", "Alpha", "Beta", "Epsilon", "Zeta", "Eta", "Iota", "Kappa", "Mu", "Nu",
         "Omicron", "Rho", "Tau", "Chi"}  # fmt: skip


class Symbols:
    """Gives no symbol to two values.  `of` has that of a value, `values` what each stands for."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}
        self.values: dict[str, str] = {}

    def leaf(self, value: str, kind: str, timed: bool) -> None:
        """`timed` where there is one for each step."""
        *owner, name = value.split(".")
        while name.isdigit():
            # A `param` in a loop.
            place = max(k for k, part in enumerate(owner) if not part.isdigit())
            owner, name = [*owner[:place], *owner[place + 1 :], name], owner[place]
        if kind in ("input", "state"):
            time = "t-1" if kind == "state" else "t"
            self._give(value, name, owner, time if timed else "")
        else:
            groups = [part for word in owner for part in _parts(word)]
            self._give(value, name, groups, "")

    def defined(self, value: str, definition: Definition, timed: bool) -> str:
        """The symbol of what an equation defines; `value` may be an alias with one of its own."""
        origin = definition.origin
        owner = [p for p in (*origin.inner.split("."), *origin.call.split(".")) if p]
        if not origin.call:
            known = sum(part.isdigit() for part in owner)
            owner += [str(k) for _, k in origin.loops[known:]]
        time = "t" if timed or definition.primed else ""
        return self._give(value, definition.name, owner, time)

    def helper(self, value: str, number: int, timed: bool) -> None:
        self._give(value, f"s{number}", [], "t" if timed else "")

    def mask(self, value: str, site: object, rows: str) -> None:
        self._give(value, f"m{site}", [], "t" if rows == "step" else "")

    def _give(self, value: str, name: str, owner: list[str], time: str) -> str:
        text, number = symbol(name, owner, time), 1
        while self.values.get(text, value) != value:
            number += 1
            text = symbol(name, [*owner, f"#{number}"], time)
        self.values[text] = value
        self.of[value] = text
        return text


def _parts(word: str) -> list[str]:
    return [part for part in word.split("_") if part]


def symbol(name: str, owner: list[str], time: str) -> str:
    r"""`symbol("gamma_x", [], "t")` is \gamma^{x}_{t}."""
    head, *rest = [part for part in name.split("_") if part]
    match = re.fullmatch(r"([A-Za-z]+)(\d+)", head)
    letters, digits = (match[1], [match[2]]) if match else (head, [])
    index = ",".join(map(_letters, [*digits, *rest]))
    group = ",".join(f"⟨{part}⟩" if part.isdigit() else _letters(part) for part in owner)
    above = [f"({group})"] if group else []
    if time:
        above = [index, *above] if index else above
        below = time
    else:
        below = index
    text = _letters(letters)
    text += f"^{{{','.join(above)}}}" if above else ""
    return text + (f"_{{{below}}}" if below else "")


def _letters(word: str) -> str:
    if word in GREEK_NAMES and word not in LATIN:
        return f"\\{word}"
    if word.startswith("#"):
        return rf"\#{word[1:]}"
    return word if len(word) == 1 or word.isdigit() else rf"\mathit{{{word}}}"


def plain(text: str) -> str:
    """The text with iterations as numbers."""
    return text.replace("⟨", "").replace("⟩", "")


def number_text(value: float) -> tuple[str, int]:
    if math.isinf(value):
        return (r"\infty", ATOM) if value > 0 else (r"-\infty", SUM)
    if value < 0:
        return f"-{number_text(-value)[0]}", SUM
    text = f"{value:.0f}" if value == int(value) and value < 1e15 else repr(value)
    if "e" not in text:
        return text, ATOM
    mantissa, _, exponent = text.partition("e")
    power = f"10^{{{int(exponent)}}}"
    return (power, POWER) if mantissa == "1" else (rf"{mantissa} \cdot {power}", PRODUCT)


def size_text(size: Size) -> tuple[str, int]:
    named = re.sub(r"[A-Za-z_]\w*", lambda m: symbol(m[0], [], ""), str(size))
    text = named.replace("*", r" \cdot ")
    if size.constant is not None and size.constant >= 0:
        return text, ATOM
    if len(size.terms) > 1 or text.startswith("-"):
        return text, SUM
    return text, ATOM if re.fullmatch(r"\w+", str(size)) else PRODUCT


def shape_tex(shape: Shape) -> str:
    return f"[{', '.join(size_text(size)[0] for size in shape)}]"
