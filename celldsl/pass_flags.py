"""What makes cells faster, by name.  In: names to leave out.  Out: a checked set of them.

    without = checked(["merge_products"])       raises ValueError, which lists the names

A name is that of the function that does it.  None of them changes what a cell computes, so each may
be left out.  What has to be done has no name here: lowering, differentiation, planning, and
`dce`, by which passes that repeat themselves see when there is nothing more to do.
"""

from __future__ import annotations

from collections.abc import Iterable

OPTIMISATIONS = {
    # celldsl/transforms, in the order of the pipeline
    "fold_constants": "computes with numbers ahead of time",
    "divide_once": "divides a row by one number once, and multiplies by the inverse",
    "sink_slices": "cuts before it computes, so that pieces of a value need no copy",
    "cse": "computes equal values once",
    "merge_products": "makes one product of all that read the same value",
    "products_first": "orders sums so that products can add up in place",
    "join_products": "lets a GEMM add to the result of another",
    "rematerialize": "keeps the smallest tape, and computes the rest again",
    "join_pads": "writes cotangents of pieces side by side instead of adding padded ones",
    "contract_rows": "makes one product over all rows of the gradient of a weight",
    "inline_outer_products": "multiplies outer products out in the loop that reads them",
    "licm": "moves products that need no state out of the time loop",
    "products_last": "orders sums of cotangents so that a GEMM finishes them",
    "add_products": "lets a GEMM add to a sum",
    # celldsl/plan
    "place_side_by_side": "stores parameters that one product reads side by side",
    "postpone": "computes a value in the stage that reads it, where that keeps less in memory",
    "fuse_nests": "fuses row work of one index space into one loop",
    "sink_nodes": "computes a value in the loop that reads it, where that keeps less in memory",
    "place_gradients": "lets products over all rows write gradients where they belong",
    "join_sums": "packs once what the gradients of several weights read",
    "block_sequences": "takes few sequences at a time through all steps where states are matrices",
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


def checked(without: Iterable[str]) -> frozenset[str]:
    """The names as a set.  Raises ValueError where there is no such optimisation."""
    given = [without] if isinstance(without, str) else without
    names = frozenset(FORMER_NAMES.get(name, name) for name in given)
    for name in sorted(names - OPTIMISATIONS.keys()):
        known = ", ".join(OPTIMISATIONS)
        raise ValueError(f'without: there is no optimisation "{name}"; there are {known}')
    return names
