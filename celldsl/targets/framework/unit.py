"""What a module is written from.  In: nothing.  Out: a record of one cell, lowered."""

from __future__ import annotations

from celldsl.ir.program import Program
from celldsl.ir.spec import CellSpec
from celldsl.structs import record


@record
class Unit:
    """`source` is the name of the file, `digest` its text's, `version` ours."""

    spec: CellSpec
    program: Program
    source: str
    digest: str
    version: str
