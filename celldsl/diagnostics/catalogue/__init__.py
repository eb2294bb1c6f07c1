"""Every diagnostic code and what it means.  In: nothing.  Out: CATALOGUE, code to Entry.

    CATALOGUE["E0014"].title     "`@` next to `*` or `/`"

Each module beside this one has a `TABLE` of the codes of one area:

    syntax      E00xx    files, characters, syntax
    names       E01xx    names and declarations
    shapes      E02xx    shapes
    structure   E03xx    use, sub, if, for, require
    parameters  E04xx    parameters and initial values
    warnings    W05xx    warnings

`bad` is a whole file that gives the code, `good` a whole file that gives no error; tests compile
both.  Where a file cannot show it (a file that is too large), both are empty.
"""

from __future__ import annotations

from celldsl.diagnostics.catalogue import names, parameters, shapes, structure, syntax, warnings
from celldsl.diagnostics.catalogue.entry import Entry

CATALOGUE: dict[str, Entry] = {
    **syntax.TABLE,
    **names.TABLE,
    **shapes.TABLE,
    **structure.TABLE,
    **parameters.TABLE,
    **warnings.TABLE,
}

__all__ = ["CATALOGUE", "Entry"]
