r"""Lines of LaTeX, of which iterations that say the same are one.  In: equations.  Out: lines.

    u^{(1)}_{t} &= f(u^{(0)}_{t})
    u^{(2)}_{t} &= f(u^{(1)}_{t})           u^{(k)}_{t} &= f(u^{(k-1)}_{t}), \quad k = 1, \ldots, 3
    u^{(3)}_{t} &= f(u^{(2)}_{t})

An iteration of an unrolled loop is folded with those that are its own text but for the numbers of
iterations, in which it stands for `k` and the one before for `k-1`.  The first often differs: it
reads what was there before the loop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from celldsl.pictures.symbols import plain, symbol
from celldsl.structs import record

FEWEST = 3
Loops = tuple[tuple[str, int], ...]


def folded(equations: Sequence[Equation]) -> list[str]:
    """The lines, in order."""
    lines: list[str] = []
    for _, group in groupby(equations, _loop):
        known = list(group)
        if known[0].loops:
            lines += _loop_lines(known)
        else:
            lines += [plain(str(equation)) for equation in known]
    return lines


def _loop(equation: Equation) -> tuple[Loops, str]:
    """The innermost loop that an equation stands in, and where that stands itself."""
    *outer, last = equation.loops or (("", 0),)
    return tuple(outer), last[0]


def _loop_lines(equations: list[Equation]) -> Iterator[str]:
    passes = [(k, list(g)) for k, g in groupby(equations, lambda e: e.loops[-1][1])]
    while passes:
        count = _same(passes)
        first, body = passes[0]
        if count < FEWEST:
            yield from (plain(str(equation)) for equation in body)
            passes = passes[1:]
            continue
        variable = symbol(body[0].loops[-1][0], [], "")
        last = passes[count - 1][0]
        for equation in body:
            text = plain(_with_index(str(equation), first, variable))
            yield rf"{text}, \quad {variable} = {first}, \ldots, {last}"
        passes = passes[count:]


def _same(passes: list[tuple[int, list[Equation]]]) -> int:
    """How many passes, from the first, are one text."""
    wanted = [_with_index(str(e), passes[0][0], "#") for e in passes[0][1]]
    for count, (k, body) in enumerate(passes):
        if k != passes[0][0] + count or [_with_index(str(e), k, "#") for e in body] != wanted:
            return count
    return len(passes)


def _with_index(text: str, k: int, variable: str) -> str:
    return text.replace(f"⟨{k}⟩", f"⟨{variable}⟩").replace(f"⟨{k - 1}⟩", f"⟨{variable}-1⟩")


@record
class Equation:
    """`left` has a symbol for each of `values`; `loops` are those it stands in."""

    left: tuple[str, ...]
    values: tuple[str, ...]
    right: str
    loops: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        names = ", ".join(self.left)
        left = names if len(self.left) == 1 else rf"\left({names}\right)"
        return f"{left} &= {self.right}"
