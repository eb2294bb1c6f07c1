"""The functions of `prelude.cell`.  In: a name.  Out: its definition, parsed when one is used."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.errors import CellError
from celldsl.diagnostics.span import Source
from celldsl.semantics.environment import FunctionValue
from celldsl.semantics.modules import Files, Module, module_of
from celldsl.syntax.parse import parse

PRELUDE = (
    "gelu", "silu", "elu", "selu", "logsigmoid", "hard_sigmoid", "hard_tanh", "softsign", "rsqrt",
)  # fmt: skip


@cache
def _module() -> Module:
    path = Path(__file__).with_name("prelude.cell")
    report = Report()
    file = parse(Source(path.name, path.read_text(encoding="utf-8")), report)
    if file is None or report.has_errors:
        raise CellError(report.diagnostics)
    return module_of(file, None, Files(report, None))


def definition_of(name: str) -> FunctionValue:
    definition, home = _module().defs[name]
    return FunctionValue(name, definition, home)
