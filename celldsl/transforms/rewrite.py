"""Replacing values.  In: a Program and a rule.  Out: the Program with the rule's values instead.

A rule sees a node whose arguments are replaced already, and gives the name of a value to use
instead of it (an argument, or what it builds), or None.  Saved nodes stay as they are: the tape
knows them by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from celldsl.ir.builder import Builder
from celldsl.ir.program import REGIONS, Node, Program
from celldsl.structs import replace
from celldsl.transforms.dce import dce

Rule = Callable[[Builder, Node], str | None]


def rewrite(p: Program, rule: Rule) -> Program:
    """Apply `rule` to every node once, in order."""
    b = Builder(p.leaves, taken=[node.name for node in p.nodes()])
    saved = frozenset(p.saved)
    renamed: dict[str, str] = {}
    regions = []
    for region in REGIONS:
        begin = len(b.nodes)
        for node in getattr(p, region):
            here = with_args(node, renamed)
            b.origin = node.origin
            found = None if node.name in saved else rule(b, here)
            if found is None or b.types[found] != node.type:
                b.keep(here)
            else:
                renamed[node.name] = found
        regions.append(tuple(b.nodes[begin:]))
    return rename(p, (regions[0], regions[1], regions[2]), renamed)


def with_args(node: Node, renamed: Mapping[str, str]) -> Node:
    """The node with other arguments in the place of those that have others."""
    args = tuple(renamed.get(arg, arg) for arg in node.args)
    return node if args == node.args else replace(node, args=args)


def rename(
    before: Program,
    regions: tuple[tuple[Node, ...], tuple[Node, ...], tuple[Node, ...]],
    renamed: Mapping[str, str],
) -> Program:
    """The program with other regions; states, results and labels mean other values there."""
    labels = {
        renamed[node.name]: node.label
        for node in reversed(list(before.nodes()))
        if node.label and node.name in renamed
    }
    named = (tuple(_labelled(node, labels) for node in region) for region in regions)
    p = before.with_regions(*named)

    def of(value: str) -> str:
        return renamed.get(value, value)

    states = tuple(
        replace(s, next=of(s.next), start=None if s.start is None else of(s.start))
        for s in p.states
    )
    results = tuple(replace(r, value=of(r.value)) for r in p.results)
    return replace(p, states=states, results=results)


def _labelled(node: Node, labels: Mapping[str, str]) -> Node:
    label = labels.get(node.name)
    return replace(node, label=label) if label and not node.label else node


def count_uses(p: Program) -> Counter[str]:
    """How often each value is read, by nodes and from outside."""
    uses = Counter(p.wanted())
    for node in p.nodes():
        uses.update(node.args)
    return uses


def until_stable(p: Program, one_pass: Callable[[Program], Program]) -> Program:
    """Repeat a pass until it changes nothing.

    What a round leaves unread is removed: in the next round it would count as a reader.
    """
    while (better := dce(one_pass(p))) != p:
        p = better
    return p
