"""The functions of `prelude.cell`.  In: a name.  Out: its definition, parsed when one is used."""

from __future__ import annotations

from functools import cache

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.errors import CellError
from celldsl.diagnostics.span import Source
from celldsl.semantics.builtins.prelude_names import prelude_text
from celldsl.semantics.environment import FunctionValue
from celldsl.semantics.modules import Files, Module, module_of
from celldsl.syntax.parse import parse


@cache
def _module() -> Module:
    report = Report()
    file = parse(Source("prelude.cell", prelude_text()), report)
    if file is None or report.has_errors:
        raise CellError(report.diagnostics)
    return module_of(file, None, Files(report, None))


def definition_of(name: str) -> FunctionValue:
    definition, home = _module().defs[name]
    return FunctionValue(name, definition, home)
