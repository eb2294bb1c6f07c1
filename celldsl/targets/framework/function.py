"""One function of a generated file.  In: a body, what is returned.  Out: its text, and calls of it.

function.call()        "A, rate = prepare(params, settings, x)"
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from celldsl.structs import record

LIMIT = 96


@record
class Function:
    """`args` are what it reads, by the names that they have everywhere."""

    name: str
    args: tuple[str, ...]
    doc: str
    lines: tuple[str, ...]
    returns: tuple[str, ...]

    def text(self) -> str:
        lines = folded_return(self.returns) if self.returns else []
        body = [f'"""{self.doc}"""', *self.lines, *lines]
        return "\n".join([*wrapped(f"def {self.name}(", self.args, "):"), *indented(body)])

    def expression(self) -> str:
        return f"{self.name}({', '.join(self.args)})"

    def call(self, targets: Sequence[str] = ()) -> list[str]:
        """The lines that assign what it returns, to the same names or to `targets`."""
        return wrapped(f"{', '.join(targets or self.returns)} = {self.name}(", self.args, ")")


def wrapped(head: str, parts: Iterable[str], tail: str) -> list[str]:
    """`head` parts `tail` in one line, else the parts in one of their own, else one part a line."""
    parts = list(parts)
    inside = ", ".join(parts)
    if len(head) + len(inside) + len(tail) <= LIMIT or not parts:
        return [f"{head}{inside}{tail}"]
    if len(inside) + 4 <= LIMIT:
        return [head, f"    {inside}", tail]
    return [head, *(f"    {part}," for part in parts), tail]


def folded(line: str) -> list[str]:
    """A line, with what its last outermost brackets hold on lines of its own where it is long."""
    if len(line) <= LIMIT or line[-1] not in ")]":
        return [line]
    start = _opening(line)
    parts = _parts(line[start + 1 : -1])
    head, tail = line[: start + 1], line[-1]
    return [head, *(f"    {part}," for part in parts), tail]


def _opening(line: str) -> int:
    """Where the bracket that closes at the end of the line opens."""
    depth = 0
    for place in range(len(line) - 1, -1, -1):
        depth += (line[place] in ")]}") - (line[place] in "([{")
        if depth == 0:
            return place
    raise ValueError(f"no bracket opens in {line}")


def _parts(text: str) -> list[str]:
    """What stands between commas outside of brackets."""
    found, depth = [""], 0
    for sign in text:
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth == 0:
            found.append("")
        else:
            found[-1] += sign
    return [part.strip() for part in found if part.strip()]


def folded_return(values: Sequence[str]) -> list[str]:
    line = f"return {', '.join(values)}"
    if len(line) <= LIMIT:
        return [line]
    return folded(line) if len(values) == 1 else wrapped("return (", values, ")")


def indented(lines: Iterable[str], by: int = 1) -> list[str]:
    return [f"{'    ' * by}{line}" if line else line for line in lines]
