"""Words for messages.  In: values, sizes and places.  Out: text to put between backquotes, or help.

told(frame, value)          [K=3, H]
short(span)                 what was written, on one line
counterexample(H, 2*K)      with H=4, K=5: 4 against 10
"""

from __future__ import annotations

from celldsl.diagnostics.span import Span
from celldsl.ir.size import Size
from celldsl.semantics.walk.facts import example
from celldsl.semantics.walk.values import Tensor
from celldsl.semantics.walk.walk import Frame


def told(f: Frame, value: Tensor) -> str:
    """A shape in words: `[K=3, H]` where the dim `K` is fixed to 3."""
    why = value.why or (None,) * len(value.shape)
    sizes = (axis_told(f, *pair) for pair in zip(value.shape, why, strict=True))
    return f"[{', '.join(sizes)}]"


def axis_told(f: Frame, size: Size, reason: Span | None) -> str:
    fixed = reason is not None and reason.text in f.walk.choices.structural
    return f"{reason.text}={size}" if fixed and reason is not None else str(size)


def short(span: Span) -> str:
    """The text of a span on one line, cut where it is long."""
    return short_text(span.text)


def short_text(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 40 else text[:38] + "…"


def usual_size(f: Frame, a: Size, b: Size) -> str | None:
    """`128` beside `H`, where 128 is only what `H` is by default."""
    for name, default in f.walk.dim_defaults.items():
        for one, other in ((a, b), (b, a)):
            known = None if default is None else default.constant
            if known is not None and one.constant == known and str(other) == name:
                return f"{one} is only the default of `{name}`: write `{name}`"
    return None


def counterexample(*sizes: Size) -> str:
    """`with H=4: 8 against 4`, or nothing where there are no dims."""
    dims = example(*sizes)
    if not dims:
        return ""
    given = ", ".join(f"{name}={value}" for name, value in dims.items())
    return f"with {given}: " + " against ".join(str(size.evaluate(dims)) for size in sizes)
