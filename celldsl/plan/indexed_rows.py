"""Rows of a caller's arrays where they are.  In: a Plan.  Out: a Plan.

    index_rows(plan)      in:x, row by row   ->   in:x, at the rows that an index names

Where sequences have lengths, rows are numbered step by step, and those of one step lie side by
side.  Instead of packing inputs and cotangents so before a pass, and unpacking outputs and
gradients after it, whatever reads or writes such an array finds its rows by an index, which `rows`
of `celldsl.runtime.description` has: loops, and products while they pack their factors.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

from celldsl.plan.places import Place, RowKind
from celldsl.plan.plan import Plan
from celldsl.structs import fields_of, replace

# What arrays of the caller begin with, and which rows these have then.
INDEXED: Mapping[str, RowKind] = {
    "in:": "input", "out:": "result", "d_out:": "result", "d_in:": "result"
}  # fmt: skip
T = TypeVar("T")


def index_rows(plan: Plan, without: Collection[str] = ()) -> Plan:
    """A convolution goes over images that lie one behind the other, and takes so long that to copy
    them is nothing; products of rounded factors have no index."""
    if "index_rows" in without or plan.has_convolution or plan.has_rounding:
        return plan
    forward, backward = _indexed(plan.forward), _indexed(plan.backward)
    return replace(plan, forward=forward, backward=backward, indexed=True)


def _indexed(value: T) -> T:
    """The same with such places; records without any are the same ones."""
    match value:
        case Place(array=array, rows="row"):
            kind = INDEXED.get(array.partition(":")[0] + ":", "row")
            return replace(value, rows=kind)
        case tuple():
            items = tuple(map(_indexed, value))
            changed = any(a is not b for a, b in zip(items, value, strict=True))
            return items if changed else value  # type: ignore[return-value]
    changes = {
        name: other
        for name, held in fields_of(value).items()
        if (other := _indexed(held)) is not held
    }
    return replace(value, **changes) if changes else value
