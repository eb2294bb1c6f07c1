"""When each node of a region runs.  In: nodes.  Out: stages, row loops and GEMMs by turns.

    [[r, u, r*h], [GEMM (r*h) @ W], [c, h']]

Row work runs as soon as it can, and then as late as costs nothing: a value that only a later
stage reads moves there when what it reads is in memory anyway.
"""

from __future__ import annotations

from collections.abc import Sequence

from celldsl.ir.program import Node
from celldsl.structs import record


@record
class Units:
    """Nodes of a region that are executed, in order.

    needs    the units of the region that a unit reads, through views
    gemms    the units that are GEMMs
    pinned   the units that must not move to a later stage: something outside reads them
    """

    nodes: Sequence[Node]
    needs: dict[str, frozenset[str]]
    gemms: frozenset[str]
    pinned: frozenset[str]


def split_stages(units: Units) -> list[list[Node]]:
    """Stages in order; every GEMM is a stage of its own."""
    stages: list[list[Node]] = []
    done: set[str] = set()
    pending = list(units.nodes)
    while pending:
        rows = _ready(units, pending, done, gemm=False)
        done.update(node.name for node in rows)
        if rows:
            stages.append(rows)
        gemms = _ready(units, [n for n in pending if n.name not in done], done, gemm=True)
        done.update(node.name for node in gemms)
        stages.extend([node] for node in gemms)
        assert rows or gemms, "a region's nodes wait for each other"
        pending = [node for node in pending if node.name not in done]
    return stages


def _ready(units: Units, pending: list[Node], done: set[str], gemm: bool) -> list[Node]:
    """Nodes that can run now; among row work, one can follow another at once."""
    found: list[Node] = []
    reached = set(done)
    for node in pending:
        if (node.name in units.gemms) == gemm and units.needs[node.name] <= reached:
            found.append(node)
            if not gemm:
                reached.add(node.name)
    return found


def postpone(units: Units, stages: list[list[Node]]) -> list[list[Node]]:
    """The stages, with row work as late as costs nothing."""
    at = {node.name: i for i, stage in enumerate(stages) for node in stage}
    readers: dict[str, list[str]] = {node.name: [] for node in units.nodes}
    for name, needs in units.needs.items():
        for need in needs:
            readers[need].append(name)
    for node in reversed(units.nodes):
        _postpone_one(units, node, at, readers)
    filled: list[list[Node]] = [[] for _ in stages]
    for node in units.nodes:
        filled[at[node.name]].append(node)
    return [stage for stage in filled if stage]


def _postpone_one(
    units: Units, node: Node, at: dict[str, int], readers: dict[str, list[str]]
) -> None:
    """Move one unit to its first reader's stage where that keeps nothing more in memory."""
    uses = readers[node.name]
    if node.name in units.gemms or node.name in units.pinned or not uses:
        return
    first = min(at[reader] for reader in uses)
    by_gemm = any(at[reader] == first and reader in units.gemms for reader in uses)
    if first == at[node.name] or by_gemm:
        return
    if _can_wait(units, node.name, first, at, readers):
        at[node.name] = first


def _can_wait(
    units: Units, name: str, stage: int, at: dict[str, int], readers: dict[str, list[str]]
) -> bool:
    """Whether all that a unit reads is there in a later stage, or can be computed there too."""
    for need in units.needs[name]:
        others = [reader for reader in readers[need] if reader != name]
        in_memory = need in units.gemms or need in units.pinned
        if in_memory or any(at[other] >= stage for other in others):
            continue
        if others or not _can_wait(units, need, stage, at, readers):
            return False
    return True
