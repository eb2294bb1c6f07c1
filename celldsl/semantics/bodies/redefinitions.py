"""Names that are taken already.  In: a target with such a name.  Out: an error that says by what.

a = …; a = …        every value is defined once
x = …               an input is declared, not defined
h = …               `h'` may be meant
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Fix, Label
from celldsl.diagnostics.span import Span
from celldsl.semantics.walk.scope import Binding, a_kind
from celldsl.semantics.walk.walk import Frame
from celldsl.syntax import ast


def twice(f: Frame, target: ast.Target, first: Span) -> None:
    f.error(
        "E0102",
        f"`{target.id}` is defined twice",
        target.span,
        secondary=(Label(first, "first here"),) if first != target.span else (),
        help="every value is defined once; give the second one another name",
    )


def refuse(f: Frame, target: ast.Target, old: Binding) -> None:
    declared = (Label(old.span, "it is declared here"),)
    if old.kind == "state" and not _has_next(f, target.id):
        _ask_prime(f, target, declared)
        return
    f.error(
        "E0105",
        f"`{target.id}` is {a_kind(old.kind)} and cannot be defined",
        target.span,
        secondary=declared,
        help="give the value another name",
    )


def _has_next(f: Frame, state: str) -> bool:
    """Whether the cell has an equation for `h'` too."""
    body = f.walk.cells[-1].body if f.walk.cells else ()
    equations = [s for s in body if isinstance(s, ast.Equation)]
    return any(t.id == state and t.primed for s in equations for t in s.targets)


def _ask_prime(f: Frame, target: ast.Target, declared: tuple[Label, ...]) -> None:
    """`h = …` where `h'` is meant: what goes out is then known to be wrong, not missing."""
    index = "" if target.index is None else f"[{target.index.span.text}]"
    better = f"{target.id}'{index}"
    f.error(
        "E0105",
        f"`{target.id}` is the state that came in and cannot be defined",
        target.span,
        "the state that goes out has a prime",
        secondary=declared,
        help=f"write `{better} = …`, and `{target.id}'` where the new value is read below",
        fix=Fix(target.span, better),
    )
    f.nexts.setdefault(target.id, None)
