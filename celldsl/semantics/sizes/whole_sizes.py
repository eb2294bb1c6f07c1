"""Sizes that must be whole numbers.  In: a size with fractions.  Out: the size, or which `require`.

H/4        add `require H % 4 == 0, "…"`
H/2 + K/2  add `require (H + K) % 2 == 0, "…"`
"""

from __future__ import annotations

import re
from math import lcm

from celldsl.diagnostics.span import Span
from celldsl.ir.size import NotIntegral, Size
from celldsl.semantics.walk.values import Static
from celldsl.semantics.walk.walk import Frame

MAX_TERMS = 12


def whole(f: Frame, found: Size, span: Span, what: str, instead: str | None = None) -> Size | None:
    """The size if it is a whole number for all dims; else says which `require` would settle it.

    `instead` is what was rather meant.
    """
    facts = f.walk.facts
    found = facts.reduce(found)
    if len(found.terms) > MAX_TERMS:
        f.error("E0207", f"{what} has more than {MAX_TERMS} terms", span, "sizes are simple sums")
        return None
    if facts.whole(found):
        return found
    bottom = denominator(found)
    number = found * bottom
    if len(number.terms) == 1 and number.dims and bottom.constant is not None:
        # What is left of a fraction has no factor of the divisor.
        number = number / abs(number.terms[0][1].numerator)
    dims = _example_of_odd(f, found)
    told = f"with {dims} it is no whole number" if dims else None
    divisor = _written_for(f, bottom, span) or bottom
    sides = f"{_bracketed(number)} % {_divisor_text(divisor)}"
    condition = f'require {sides} == 0, "…"' if number.dims else None
    f.error(
        "E0207",
        f"{what} must be a whole number for all sizes, and `{found}` is not",
        span,
        told or f"this is {found}",
        help=instead or (f"add `{condition}`" if condition else None),
    )
    if condition:
        # It is asked for once: what follows is checked as if it held.
        facts.assume_divides(number, bottom)
    return None


def _bracketed(side: Size | str) -> str:
    """A side of `%`, which binds as `*` does: `H*I % 4`, but `(H + I) % (2*K)`."""
    text = str(side)
    return f"({text})" if " " in text else text


def _divisor_text(side: Size | str) -> str:
    text = _bracketed(side)
    return f"({text})" if "*" in text and not text.startswith("(") else text


def _written_for(f: Frame, number: Size, span: Span) -> str | None:
    """The name on the line of `span` that stands for a number which decides the structure."""
    line = span.source.line_text(span.source.line_column(span.start)[0])
    for name in sorted(f.walk.choices.structural):
        binding = f.find(name)
        value = None if binding is None else binding.value
        fixed = isinstance(value, Static) and f.walk.facts.equal(value.size, number)
        if fixed and name in re.findall(r"\w+", line):
            return name
    return None


def _example_of_odd(f: Frame, found: Size) -> str:
    """Dims that keep what is required and for which the size is no whole number."""
    names = sorted(found.dims)
    for start in range(2, 34):
        dims = {name: start + index for index, name in enumerate(names)}
        try:
            if f.walk.facts.keep_divisions(dims):
                found.evaluate(dims)
        except NotIntegral:
            return ", ".join(f"{name}={value}" for name, value in dims.items())
    return ""


def denominator(size: Size) -> Size:
    """What the size must be multiplied by to become whole."""
    bottom = Size.of(lcm(*(coefficient.denominator for _, coefficient in size.terms)))
    powers: dict[str, int] = {}
    for monomial, _ in size.terms:
        for name, power in monomial:
            powers[name] = max(powers.get(name, 0), -power)
    for name, power in sorted(powers.items()):
        for _ in range(power):
            bottom = bottom * Size.dim(name)
    return bottom
