r"""Numbers and sizes in equations.  In: floats, sizes, shapes.  Out: LaTeX, how tightly it binds.

number_text(1e-06)      10^{-6}
size_text(2*H + I)      2 \cdot H + I
"""

from __future__ import annotations

import math
import re

from celldsl.ir.size import Shape, Size
from celldsl.pictures.notation import ATOM, POWER, PRODUCT, SUM
from celldsl.pictures.symbols import symbol


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
