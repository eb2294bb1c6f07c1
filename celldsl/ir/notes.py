"""What authors wrote that a Program does not say.  In: nothing.  Out: records kept beside one.

    r, u = split(sigmoid(linear([x, h], 2*H)), 2)

A Program has the nodes of this equation and no more.  Notes say that `%5` is called `r` and `%6`
`u`, by one equation; that `%9` is what `softmax` of `%7` gives; and in which inner cell, iteration
and call each node stands.  Pictures and LaTeX are made of both; nothing else reads notes.
"""

from __future__ import annotations

from celldsl.ir.program import Node
from celldsl.structs import entity, field, record


@record
class Frame:
    """What readers see as one: a pass of a loop, a step of an inner cell or of a solver.

    `name` may be that of others (`k = 0` of another loop); `number` tells them apart.
    """

    name: str
    number: int


@record
class Place:
    """Where nodes stand: `inner` is the cell's name from outside (`layer.0`), or "".

    `loops` has the index and the iteration of each loop around, the outermost first, those around
    an inner cell included; `call` names the function whose body it is (`f.gate`), or is "".
    `frames` are the loops, inner cells and solvers around it, the outermost first.
    """

    inner: str = ""
    loops: tuple[tuple[str, int], ...] = ()
    call: str = ""
    frames: tuple[Frame, ...] = ()


@record
class Definition:
    """One name on the left of an equation: `equation` counts those that were gone through.

    `index` is the slice of `y[k] = …`.  `value` is a node, or a leaf where a name stands for one.
    """

    name: str
    primed: bool
    value: str
    place: Place
    equation: int
    index: int | None = None


@record
class Composite:
    """A function of the language that is several nodes: `args` are values."""

    function: str
    args: tuple[str, ...]
    attributes: tuple[tuple[str, object], ...] = ()


@record
class Complex:
    """A complex value as it was written: `node` is of the Program's kind, but in no Program.

    `real` and `imag` are the values of its parts there; one that is None is 0.
    """

    node: Node
    real: str | None
    imag: str | None


@entity
class ComplexNotes:
    """Of what a Program has the parts alone.

    `values` and `leaves` are by names that stand for complex values; a leaf is the array that keeps
    both parts.  `parts` and `arrays` are by values of the Program: which part of which complex
    value it is, and of which value it keeps both.  `unread` are nodes that the Program left out.
    """

    values: dict[str, Complex] = field(default_factory=dict)
    leaves: dict[str, str] = field(default_factory=dict)
    parts: dict[str, tuple[str, str]] = field(default_factory=dict)
    arrays: dict[str, str] = field(default_factory=dict)
    unread: dict[str, Node] = field(default_factory=dict)


@entity
class Notes:
    """`composites` and `places` are by value."""

    definitions: list[Definition] = field(default_factory=list)
    composites: dict[str, Composite] = field(default_factory=dict)
    complex: ComplexNotes = field(default_factory=ComplexNotes)
    places: dict[str, Place] = field(default_factory=dict)
    place: Place = Place()
    equations: int = 0
