"""What makes cells faster, by name.  In: names to leave out.  Out: a checked set of them.

    without = checked(["merge_products"])       raises ValueError, which lists the names

A name is that of the function that does it.  None of them changes what a cell computes, so each may
be left out.  What has to be done has no name here: lowering, differentiation, planning, and
`dce`, by which passes that repeat themselves see when there is nothing more to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

# Those that are no passes over a Program: of celldsl/transforms, and of celldsl/plan.
TAPE = {"rematerialize": "keeps the smallest tape, and computes the rest again"}
PLANNING = {
    "place_side_by_side": "stores parameters that one product reads side by side",
    "postpone": "computes a value in the stage that reads it, where that keeps less in memory",
    "fuse_nests": "fuses row work of one index space into one loop",
    "sink_nodes": "computes a value in the loop that reads it, where that keeps less in memory",
    "place_gradients": "lets products over all rows write gradients where they belong",
    "join_sums": "packs once what the gradients of several weights read",
    "direct_convolutions": "multiplies by kernels of 3 places as they are; Winograd's transforms, "
    "instead, take a half to a quarter of the multiplications and round up to four times as much",
    "round_as_packed": "rounds factors of products to bfloat16 as they are packed, not in loops",
    "block_sequences": "takes few sequences at a time through all steps where states are matrices",
    "index_rows": "finds rows of sequences with lengths in the caller's arrays, without copies",
    "carry_in_place": "writes the cotangents of states over the old ones",
}
# Names that they had before; people may have them in scripts.
FORMER_NAMES = {
    "share_equal": "cse",
    "choose_saved": "rematerialize",
    "spread_outers": "inline_outer_products",
    "place_regions": "licm",
    "group_nests": "fuse_nests",
    "direct_outs": "place_gradients",
}


@cache
def optimisations() -> dict[str, str]:
    """What each does, by name, in the order in which they are done.

    The passes say it themselves (`celldsl.transforms.pipeline`), and are imported for it: who
    leaves nothing out has no need of them.
    """
    from celldsl.transforms.pipeline import BACKWARD, FIRST, FORWARD

    first, later = (
        {step.name: step.told for step in steps if step.told}
        for steps in (FIRST, (*FORWARD, *BACKWARD))
    )
    return {**first, **TAPE, **later, **PLANNING}


def checked(without: Iterable[str]) -> frozenset[str]:
    """The names as a set.  Raises ValueError where there is no such optimisation."""
    given = [without] if isinstance(without, str) else [*without]
    if not given:
        return frozenset()
    names = frozenset(FORMER_NAMES.get(name, name) for name in given)
    for name in sorted(names - optimisations().keys()):
        known = ", ".join(optimisations())
        raise ValueError(f'without: there is no optimisation "{name}"; there are {known}')
    return names
