"""Every builtin function by name.  In: the tables of the modules beside this.  Out: FUNCTIONS.

Functions that can be written in the cell language itself are in `prelude.cell` instead: PRELUDE has
their names.  Most cells use none of them, so that file is parsed when one is used.
"""

from __future__ import annotations

from functools import cache

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.errors import CellError
from celldsl.diagnostics.span import Source
from celldsl.package import package
from celldsl.semantics.builtins import (
    complex_numbers,
    differentiation,
    einsum,
    elementwise,
    gradients,
    masks,
    ode,
    products,
    reductions,
    shapes,
    sources,
)
from celldsl.semantics.builtins import linear as blocks
from celldsl.semantics.builtins.function import Function
from celldsl.semantics.environment import FunctionValue
from celldsl.semantics.modules import Files, Module, module_of
from celldsl.syntax.parse import parse

FUNCTIONS: dict[str, Function] = {
    entry.name: entry
    for module in (
        elementwise, shapes, sources, products, einsum, reductions, blocks, masks, gradients,
        differentiation, complex_numbers, ode,
    )
    for entry in module.ENTRIES
}  # fmt: skip


# ---------------------------------------------------------------- prelude.cell


def prelude_text() -> str:
    file = package() / "semantics" / "builtins" / "prelude.cell"
    text: str = file.read_text(encoding="utf-8")
    return text


PRELUDE = tuple(
    line.removeprefix("def ").partition("(")[0]
    for line in prelude_text().splitlines()
    if line.startswith("def ")
)


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
