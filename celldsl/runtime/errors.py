"""What can be wrong with a call.  In: names.  Out: exceptions that say so.

GRU() has no argument "hidden"; it takes I, H, activation, dtype, seed, engine
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

from celldsl.mistakes import Mistake


class ArgumentError(Mistake, ValueError):
    """An argument has the wrong shape or value."""


class ArgumentTypeError(ArgumentError, TypeError):
    """An argument is missing, unknown, or of the wrong type."""


class UnknownNameError(ArgumentError, KeyError):
    """A mapping has nothing of that name."""

    __str__ = Exception.__str__  # a KeyError shows its message in quotes


class WeightsError(Mistake, ValueError):
    """A file of weights cannot be read, or is of another cell."""


class NonFiniteError(Mistake, FloatingPointError):
    """A value has stopped being finite: an infinity, or NaN.

    `equation` is its text as it was written, `step` and `row` say where in the batch, `operands`
    maps what it was made of to the values there.  None and {} where that could not be found out.
    """

    def __init__(
        self,
        message: str,
        equation: str | None = None,
        step: int | None = None,
        row: int | None = None,
        operands: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.equation, self.step, self.row = equation, step, row
        self.operands = dict(operands or {})


class WeightsWarning(UserWarning):
    """Parameters that can be used and are probably not what was meant."""


def caller_level() -> int:
    """For `warnings.warn`: how far above is the first frame that is not of celldsl."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals["__name__"].startswith("celldsl."):
        level, frame = level + 1, frame.f_back
    return level


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like `name`, if one is."""
    # Imported late: it takes a while, and only an error needs it.
    from difflib import get_close_matches

    names = list(known)
    same = [each for each in names if each.casefold() == name.casefold()]
    return next(iter(same or get_close_matches(name, names, n=1)), None)


def unknown_name(name: object, known: Iterable[str]) -> UnknownNameError:
    """The error for a name that a mapping has not, with the nearest that it has."""
    names = list(known)
    near = nearest_name(str(name), names)
    hint = f"did you mean {near}?" if near else f"there are {', '.join(names) or 'none'}"
    return UnknownNameError(f"no {name}; {hint}")


def unknown_argument(where: str, name: str, known: Iterable[str]) -> ArgumentTypeError:
    """The error for a keyword that nothing goes by, with the nearest name that exists."""
    names = list(known)
    near = nearest_name(name, names)
    hint = f'; did you mean "{near}"?' if near else f"; it takes {', '.join(names)}"
    return ArgumentTypeError(f'{where} has no argument "{name}"{hint}')
