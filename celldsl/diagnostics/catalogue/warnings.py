"""W05xx: warnings.  In: nothing.  Out: TABLE, code to Entry."""

from __future__ import annotations

from celldsl.diagnostics.catalogue.entry import Entry

TABLE: dict[str, Entry] = {}
