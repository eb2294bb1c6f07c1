"""Operators that say two things.  In: a chain of operands and operators.  Out: diagnostics.

    r * U @ h      `(r * U) @ h` or `r * (U @ h)`
    a < b < c      `a < b and b < c`

The grammar takes such chains, so that they can be shown whole.
"""

from __future__ import annotations

from itertools import pairwise

from celldsl.diagnostics.diagnostic import Fix, Report
from celldsl.diagnostics.span import Source, Span
from celldsl.syntax.lexer import Children


def report_products(children: Children, source: Source, report: Report) -> None:
    """`@` beside `*`, `/` or `%` needs parentheses."""
    operators = children[1::2]
    for at, (left, right) in enumerate(pairwise(operators)):
        if (left == "@") == (right == "@"):
            continue
        parts = [source.text[child.start : child.end] for child in children[2 * at : 2 * at + 5]]
        a, first, b, second, c = parts
        span = Span(source, children[2 * at].start, children[2 * at + 4].end)
        report.add(
            "E0014",
            f"`@` next to `{left if right == '@' else right}` needs parentheses",
            span,
            "this can be read in two ways",
            help=f"write `({a} {first} {b}) {second} {c}` or `{a} {first} ({b} {second} {c})`",
        )
        return


def report_comparisons(children: Children, source: Source, report: Report) -> None:
    """Comparisons do not chain."""
    if len(children) <= 3:
        return
    a, first, b, second, c = (source.text[child.start : child.end] for child in children[:5])
    span = Span(source, children[0].start, children[-1].end)
    better = f"{a} {first} {b} and {b} {second} {c}"
    fix = Fix(span, better) if len(children) == 5 else None
    report.add("E0015", "comparisons do not chain", span, help=f"write `{better}`", fix=fix)
