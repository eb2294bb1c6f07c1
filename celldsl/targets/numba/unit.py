"""What a module is written from.  In: nothing.  Out: a record of one cell, compiled."""

from __future__ import annotations

from celldsl.ir.program import Program
from celldsl.ir.spec import CellSpec
from celldsl.plan.plan import Plan
from celldsl.structs import record


@record
class Unit:
    """`source` is the name of the file, `digest` its text's and `without` what was left out.

    `sources` are (name, text) of the file and of those that it uses.
    """

    spec: CellSpec
    forward: Program
    backward: Program
    plan: Plan
    source: str
    digest: str
    version: str
    without: tuple[str, ...] = ()
    sources: tuple[tuple[str, str], ...] = ()
