"""What `backward` needs of a forward pass, safe from what happens in between.

tape = Tape(cell, engine, layout, [copies(x, rows=True)], …)
check_tape(tape, cell)          # raises where a parameter has changed since
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn, Protocol

from celldsl.runtime.arrays.params import Parameters
from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.errors import ArgumentError, ArgumentTypeError
from celldsl.runtime.exec.batch_layout import BatchLayout
from celldsl.runtime.exec.executor import Engine, ForwardRun
from celldsl.runtime.exec.kept_numbers import Numbers, Snapshot


class Owner(Protocol):
    """The cell whose pass it was."""

    params: Parameters


@dataclass(slots=True, repr=False, eq=False)
class Tape:
    """What `backward` needs of a forward pass.  Opaque; may be used more than once.

    It has copies of the caller's arrays that `backward` reads, and knows when parameters have
    changed since.  `every` says whether the states after every step came back.
    """

    cell: Owner
    engine: Engine
    layout: BatchLayout
    inputs: list[Values]
    starts: list[Values] | None
    borders: list[tuple[int, int]]
    numbers: Numbers
    lead: tuple[int, ...]
    seen: Snapshot
    runs: list[ForwardRun]
    states: list[list[Values]]
    every: bool

    def __repr__(self) -> str:
        layout = self.layout
        segments = f", {len(self.borders)} segments" if len(self.borders) > 1 else ""
        kept = sum(run.tape.array.nbytes for run in self.runs)
        kept += sum(array.nbytes for border in self.states for array in border)
        name = self.engine.description.name
        return f"<Tape of {name}: T={layout.steps}, B={layout.batch}{segments}, {kept:,} bytes>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            "a tape cannot be copied or pickled: it is memory of its cell; call forward where the "
            "gradients are wanted, or send those (they can be pickled)"
        )


def check_tape(tape: object, cell: Owner) -> Tape:
    """A tape that is good for a backward pass of a cell.  Raises ArgumentError and says why not."""
    if not isinstance(tape, Tape) or tape.cell is not cell:
        found = (
            f"that of another cell ({tape!r})" if isinstance(tape, Tape) else type(tape).__name__
        )
        raise ArgumentTypeError(
            f"tape: expected one that forward of this cell returned, got {found}"
        )
    changed = tape.engine.guard.changed(cell.params, tape.seen)
    if changed is not None:
        raise ArgumentError(f"tape: {changed} changed after forward; call forward again")
    return tape
