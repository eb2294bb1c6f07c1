"""Text to tree.  In: a source and a report.  Out: `ast.File`, whatever the text is.

    file = parse(Source("gru.cell", text), report)

Never raises.  After an error the parser goes back to the start of the line and on with the next
one, so that every problem is reported in one run.  A cell or function with an error in it is left
out of the file and named in `File.broken`, with the names of lines at the margin that failed.  What
could be read of such a cell is in `File.damaged`, so that the rest of it is checked too.
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Source
from celldsl.structs import replace
from celldsl.syntax import ast
from celldsl.syntax.build import build_file
from celldsl.syntax.hints.idioms import report_prefixes, report_time_index
from celldsl.syntax.hints.other_names import NO_WORDS, Foreign
from celldsl.syntax.lalr import Recovering
from celldsl.syntax.layout import lay_out
from celldsl.syntax.limits import check_limits
from celldsl.syntax.names import check_tokens


def parse(source: Source, report: Report, foreign: Foreign = NO_WORDS) -> ast.File | None:
    """The tree of a source; None where there is nothing to go on with.

    `foreign` are functions of elsewhere, for words on a mistake.
    """
    already = len(report.diagnostics)
    file = _parse(source, report, foreign)
    found = sorted(report.diagnostics[already:], key=lambda d: d.primary.span.start)
    report.diagnostics[already:] = found
    return file


def _parse(source: Source, report: Report, foreign: Foreign) -> ast.File | None:
    if not check_limits(source, report):
        return None
    tokens, comments = lay_out(source, report)
    if any(d.code == "E0004" for d in report.diagnostics):
        return None
    tokens = check_tokens(tokens, source, report)
    report_prefixes(tokens, source, report, foreign)
    report_time_index(tokens, source, report)
    parser = Recovering(source, report, foreign)
    tree = parser.run(tokens)
    if tree is None:
        return None
    file = build_file(tree, tokens, tuple(comments), source, report)
    return replace(file, broken=(*file.broken, *sorted(parser.lost)))
