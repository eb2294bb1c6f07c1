"""What authors wrote that a Program does not say, and what readers call its values.

    r, u = split(sigmoid(linear([x, h], 2*H)), 2)

A Program has the nodes of this equation and no more.  Notes, kept beside it, say that `%5` is
called `r` and `%6` `u`, by one equation; that `%9` is what `softmax` of `%7` gives; and in which
inner cell, iteration and call each node stands.  Pictures and LaTeX are made of both; nothing else
reads notes.

    titles(program)["%7"]        "r", or "r_u_sub": a part of what `r, u = …` computes

Titles need a Program alone: each is of one value.  A value that an equation defines has the user's
name, a prime written `_next`.  What else an equation needs is called after its targets and the
operation; of cotangents, after `d`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from celldsl.ir.program import Node, Program
from celldsl.structs import entity, field, record


@record
class Frame:
    """What readers see as one: a pass of a loop, a step of an inner cell or of a solver.

    `name` may be that of others (`k = 0` of another loop); `number` tells them apart.
    """

    name: str
    number: int


@record
class Origin:
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
    origin: Origin
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
    """`composites` and `origins` are by value."""

    definitions: list[Definition] = field(default_factory=list)
    composites: dict[str, Composite] = field(default_factory=dict)
    complex: ComplexNotes = field(default_factory=ComplexNotes)
    origins: dict[str, Origin] = field(default_factory=dict)
    origin: Origin = Origin()
    equations: int = 0


# ---------------------------------------------------------------- names of values

MOST_TARGETS = 3
# What some operations are called where their name says little.
WORDS = {"einsum": "product", "einsum_rows": "sum", "rowsum": "sum", "add_at": "sum"}


def labels(program: Program) -> dict[str, str]:
    """The user's own names alone."""
    found: dict[str, str] = {}
    for node in program.nodes():
        if node.label and node.label not in found.values():
            found[node.name] = node.label
    return found


def titles(program: Program) -> dict[str, str]:
    """A name for every node of a forward program."""
    return _with_titles(labels(program), list(program.nodes()), "")


def backward_titles(forward: Program, backward: Program) -> dict[str, str]:
    """As `titles`; what is on the tape or computed again is called as it is forward."""
    made = {node.name: (node.op, node.origin) for node in forward.nodes()}
    same = {leaf.name for leaf in backward.leaves}
    same |= {n.name for n in backward.nodes() if made.get(n.name) == (n.op, n.origin)}
    known = {value: title for value, title in titles(forward).items() if value in same}
    return _with_titles(known, list(backward.nodes()), "d_")


def _with_titles(found: dict[str, str], nodes: Collection[Node], prefix: str) -> dict[str, str]:
    taken = {*found.values()}
    for node in nodes:
        if node.name not in found:
            title = _rounded(node, found) or prefix + _described(node)
            found[node.name] = _free(title, taken)
            taken.add(found[node.name])
    return found


def _free(title: str, taken: Collection[str]) -> str:
    free, number = title, 2
    while free in taken:
        free, number = f"{title}_{number}", number + 1
    return free


def _rounded(node: Node, found: Mapping[str, str]) -> str:
    """Of what is rounded for a product: the name of what it was before."""
    if node.op != "bfloat16":
        return ""
    (source,) = node.args
    return re.sub(r"\W", "_", f"{found.get(source, source).lstrip('%')}_rounded")


def _described(node: Node) -> str:
    op = WORDS.get(node.op, node.op)
    if node.origin is None:
        return op
    left = node.origin.text.partition("=")[0]
    targets = re.findall(r"[A-Za-z]\w*'?", left)[:MOST_TARGETS]
    return "_".join([*(t.replace("'", "_next") for t in targets), op])
