"""Unicode as papers write it.  In: the spelling of one token.  Out: the same in ASCII.

    spell_name("γ_x", states)    Spelling("gamma_x", primed=False)
    spell_name("hₜ", {"h"})      Spelling("h", primed=True)
    spell_name("hₜ₋₁", {"h"})    Spelling("h", primed=False)
    spell_symbol("⊙")            "*"

Tokens keep their place in the text; only what they mean is looked up here.
"""

from __future__ import annotations

from collections.abc import Container

from celldsl.record import record

_SMALL = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho "
    "sigma sigma tau upsilon phi chi psi omega"
)
_LARGE = (
    "Alpha Beta Gamma Delta Epsilon Zeta Eta Theta Iota Kappa Lambda Mu Nu Xi Omicron Pi Rho "
    "Sigma Tau Upsilon Phi Chi Psi Omega"
)

GREEK: dict[str, str] = {
    **dict(zip("αβγδεζηθικλμνξοπρςστυφχψω", _SMALL.split(), strict=True)),
    **dict(zip("ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ", _LARGE.split(), strict=True)),
    "ϑ": "theta",
    "ϕ": "phi",
    "ϖ": "pi",
    "ϱ": "rho",
    "ϵ": "epsilon",
    "µ": "mu",
}

SUBSCRIPT_DIGITS: dict[str, str] = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))

SYMBOLS: dict[str, str] = {
    "⊙": "*",
    "∘": "*",
    "−": "-",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
}

PRIMES = "'′’"

# Names that Python or the language has a meaning for, where the letter stands alone.
_ALONE = {"σ": "sigmoid", "λ": "lambda_"}

_TABLE = str.maketrans({**GREEK, **SUBSCRIPT_DIGITS})


@record
class Spelling:
    """A name in ASCII; `time` is the subscript that it had: `ₜ`, `ₜ₋₁`, `ₜ₊₁` or nothing."""

    id: str
    primed: bool
    time: str = ""


def split_time(text: str) -> tuple[str, str]:
    """`hₜ₋₁` is `h` at `ₜ₋₁`; a name without a subscript of time is at ``."""
    at = text.find("ₜ")
    return (text, "") if at < 0 else (text[:at], text[at:])


def ascii_name(text: str) -> str:
    """`γ_x` is `gamma_x`: letters and digits only, no prime and no time."""
    return _ALONE.get(text) or (text if text.isascii() else text.translate(_TABLE))


def spell_name(text: str, states: Container[str]) -> Spelling:
    """What a name means where `states` (in ASCII) are the states of its cell."""
    primed = text[-1] in PRIMES
    base, time = split_time(text.rstrip(PRIMES))
    name = ascii_name(base)
    return Spelling(name, primed or (time == "ₜ" and name in states), time)


def spell_symbol(text: str) -> str:
    """`⊙` is `*`; what is ASCII already stays."""
    return SYMBOLS.get(text, text)
