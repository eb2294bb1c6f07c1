"""The tensor IR.  In: nothing.  Out: the records of a Program in SSA form.

    program Plain[I, H]
    input x: step [I]
    state h: step [H]
    param h.W_x: once [I, H]
    param h0: once [H]
    before:
    step:
      %0 = einsum(x, h.W_x) spec="i,ij->j" : step [H]
      %1 = add(%0, h) : step [H]
    after:
    states:
      h = %1 start h0
    results:
      output h = %1

One representation serves both directions.  A **forward** program reads inputs and states and gives
outputs.  The **backward** program that `autodiff` makes of it runs time in reverse; its inputs are
the cotangents of the outputs and the values saved by the forward program, its states are the
cotangents of the states, its results are gradients.

Values are written for one example at one step; `Rows` says for how many rows a value exists:

    ONCE    one for the call           parameters and what depends on them alone
    BATCH   one for each sequence      start states, masks that last a sequence
    STEP    one for each sequence and each step

Regions say when a node runs: `before` the time loop (a STEP value there is computed for all steps
at once), in the `step`, `after` the loop (again for all steps at once).
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import TypeVar

from celldsl.ir.attributes import NONE, Attribute, Attributes
from celldsl.ir.size import Shape, shape_text
from celldsl.structs import field, record, replace

T = TypeVar("T")


class Rows(IntEnum):
    ONCE = 0
    BATCH = 1
    STEP = 2

    def __str__(self) -> str:
        return self.name.lower()


@record
class Type:
    """`boolean` values come from comparisons and go to `where`, `and`, `or`, `not` alone.

    `integer` ones come from outside; they are compared, and pick.
    """

    shape: Shape
    rows: Rows
    boolean: bool = False
    integer: bool = False

    def __str__(self) -> str:
        word = "bool " if self.boolean else "int " if self.integer else ""
        return f"{self.rows} {word}{shape_text(self.shape)}"


@record
class Origin:
    """The equation that a node computes a part of, as it was written, and its line."""

    text: str
    line: int


@record
class Node:
    """`name = op(args…) attributes : type`.  `args` are names of leaves and of earlier nodes.

    `label` is the user's name for the value, where an equation defines it.
    """

    name: str
    op: str
    args: tuple[str, ...]
    type: Type
    attributes: Attributes = NONE
    origin: Origin | None = None
    label: str = field(default="", compare=False)

    def __getitem__(self, attribute: Attribute[T]) -> T:
        return self.attributes[attribute]


@record
class Leaf:
    """A value that comes from outside.

    kind    name of the leaf is                         rows
    input   an input of the cell, or `d:NAME`, the      STEP; BATCH where it lasts a sequence
            cotangent of an output
    state   a state as it comes into the step           STEP
    param   a parameter's public name (`r_u.W_x`)       ONCE
    const   a constant's name                           ONCE
    hyper   a real hyperparameter, a run-time scalar    ONCE
    saved   a forward value that the tape keeps         as it was
    """

    kind: str
    name: str
    type: Type


@record
class State:
    """`start` is a value of `before` (None: given by the caller, else zeros); `next` of `step`."""

    name: str
    start: str | None
    next: str


@record
class Result:
    """A value that the caller gets.

    kind             name          rows
    output           an output     STEP
    input            an input      STEP    its gradient (backward programs)
    sequence_input   an input that lasts a sequence
                                   BATCH   its gradient
    param            a parameter   ONCE    its gradient
    """

    kind: str
    name: str
    value: str


REGIONS = ("before", "step", "after")


@record
class Program:
    """`saved` names the values that the tape keeps; `reverse` runs time from the end."""

    name: str
    dims: tuple[str, ...]
    leaves: tuple[Leaf, ...]
    before: tuple[Node, ...]
    step: tuple[Node, ...]
    after: tuple[Node, ...]
    states: tuple[State, ...]
    results: tuple[Result, ...]
    saved: tuple[str, ...] = ()
    reverse: bool = False

    def nodes(self) -> Iterator[Node]:
        yield from self.before
        yield from self.step
        yield from self.after

    def types(self) -> dict[str, Type]:
        """The type of every value, leaves included."""
        found = {leaf.name: leaf.type for leaf in self.leaves}
        found.update((node.name, node.type) for node in self.nodes())
        return found

    def with_regions(
        self, before: tuple[Node, ...], step: tuple[Node, ...], after: tuple[Node, ...]
    ) -> Program:
        return replace(self, before=before, step=step, after=after)

    def wanted(self) -> tuple[str, ...]:
        """The values that must exist at the end: results, next states, starts, saved ones."""
        links = [v for s in self.states for v in (s.start, s.next) if v is not None]
        return (*(r.value for r in self.results), *links, *map(saved_value, self.saved))


def cotangent(output: str) -> str:
    """The backward input that is the cotangent of an output; an inner cell may be called `d`."""
    return f"d:{output}"


def incoming(state: str) -> str:
    """The name that a state's value at the start of a step has on the tape.

    The backward program has states of the same names, which are cotangents.
    """
    return f"{state}@in"


def saved_value(name: str) -> str:
    """The forward value that the tape keeps under `name`."""
    return name.removesuffix("@in")
