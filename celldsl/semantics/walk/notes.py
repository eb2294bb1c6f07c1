"""What was seen.  In: nothing.  Out: Notes, which the walks over a cell share."""

from __future__ import annotations

from celldsl.diagnostics.span import Span
from celldsl.ir.size import Shape
from celldsl.record import entity, field
from celldsl.semantics.walk.facts import Facts
from celldsl.semantics.walk.scope import Kind


@entity
class Notes:
    """What the walks over a cell have seen, for the warnings and the rules across branches."""

    declared: dict[Span, tuple[Kind, str]] = field(default_factory=dict)
    used: set[Span] = field(default_factory=set)
    branch_shapes: dict[tuple[Span, str], tuple[Shape, Span, Facts]] = field(default_factory=dict)
    old_reads: dict[str, set[Span]] = field(default_factory=dict)
    new_reads: dict[str, set[Span]] = field(default_factory=dict)
    nexts: dict[str, Span] = field(default_factory=dict)
    visited: set[tuple[Span, bool]] = field(default_factory=set)
    compared: int = 0
