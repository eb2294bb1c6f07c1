"""One function of a generated file.  In: a body, what is returned.  Out: its text, and calls of it.

    function.call()        "A, rate = prepare(params, settings, x)"
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from celldsl.record import record

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
        body = [f'"""{self.doc}"""', *self.lines, f"return {', '.join(self.returns)}"]
        return "\n".join([*wrapped(f"def {self.name}(", self.args, "):"), *indented(body)])

    def expression(self) -> str:
        return f"{self.name}({', '.join(self.args)})"

    def call(self, targets: Sequence[str] = ()) -> list[str]:
        """The lines that assign what it returns, to the same names or to `targets`."""
        return wrapped(f"{', '.join(targets or self.returns)} = {self.name}(", self.args, ")")


def wrapped(head: str, parts: Iterable[str], tail: str) -> list[str]:
    """`head` parts `tail` in one line, or one part a line where it would be too long."""
    parts = list(parts)
    line = f"{head}{', '.join(parts)}{tail}"
    if len(line) <= LIMIT or not parts:
        return [line]
    return [head, *(f"    {part}," for part in parts), tail]


def indented(lines: Iterable[str], by: int = 1) -> list[str]:
    return [f"{'    ' * by}{line}" if line else line for line in lines]
