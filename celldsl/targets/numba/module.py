"""The generated module.  In: a plan, the programs, the spec.  Out: the text of a Python module.

    text = module_source(unit)      # class GRU(Cell), and the kernels it runs

The text depends on its input alone: compiling twice gives the same bytes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from celldsl.ir.notes import backward_titles, titles
from celldsl.ir.spec import CellSpec
from celldsl.kernel_ir.outline import set_apart
from celldsl.kernel_ir.phases import PhaseWriter
from celldsl.kernel_ir.stages import Naming
from celldsl.plan.operations import AddShares
from celldsl.plan.plan import Phase
from celldsl.runtime import FILES, SURFACE
from celldsl.targets.docstrings import in_docstring
from celldsl.targets.numba.description import Unit, description_source
from celldsl.targets.numba.names import Names
from celldsl.targets.numba.plain_functions import plain_source
from celldsl.targets.numba.printer import function_text
from celldsl.targets.numba.standalone import NOTE, PUBLIC, carried, with_source

COMMON = (
    "part", "parts", "share", "shares", "rows", "dims", "hyper", "parameters", "constants", "fixed",
    "tape", "work",
)  # fmt: skip


def module_source(unit: Unit, standalone: bool = False) -> str:
    """The whole text of the module; a standalone one carries the runtime in it."""
    spec, plan, dims = unit.spec, unit.plan, unit.forward.dims
    hypers = {h.name: i for i, h in enumerate(h for h in spec.hypers if not h.fixed)}
    names = Names(spec.name, [*_arrays(spec, "forward"), *_arrays(spec, "backward")])
    forward, backward = (
        PhaseWriter(direction, _arguments(spec, direction), Naming(found), len(hypers))
        for direction, found in (
            ("forward", titles(unit.forward)),
            ("backward", backward_titles(unit.forward, unit.backward)),
        )
    )
    calls = [
        [(phase, writer.phase(name, phase)) for name, phase in _named(phases, writer.direction)]
        for phases, writer in ((plan.forward, forward), (plan.backward, backward))
    ]
    functions = [
        function
        for writer in (forward, backward)
        for function in set_apart(writer.functions, writer.direction)
    ]
    parts = [
        "\n\n".join(function_text(function, names, dims, hypers) for function in functions),
        plain_source(spec, plan, names, dims, *calls),
        description_source(unit, names, calls[0], calls[1]),
    ]
    code = "\n\n".join(part.strip("\n") for part in parts) + "\n"
    if standalone:
        imports = _imports(names, carried().package, PUBLIC)
        above = "\n\n".join([_header(unit, NOTE), carried().text])
        return with_source(above, f"{imports}\n\n{code}")
    return "\n\n".join([_header(unit), _imports(names, "celldsl"), code])


def _named(phases: tuple[Phase, ...], direction: str) -> list[tuple[str, Phase]]:
    """A name for each phase: what it does in the direction."""
    names = []
    looped = False
    for phase in phases:
        match phase.kind, looped:
            case "once", False:
                name = "weights"
            case "rows" | "parts", False:
                name = "inputs"
            case "steps", _:
                name, looped = "steps", True
            case "parts", True:
                name = "adds" if any(isinstance(s, AddShares) for s in phase.stages) else "sums"
            case "rows", True:
                name = {"forward": "outputs", "backward": "inputs"}[direction]
            case _:
                name = "finish"
        names.append(f"{direction}_{name}")
    numbered = []
    for i, name in enumerate(names):
        again = names[:i].count(name)
        numbered.append((f"{name}_{again + 1}" if again else name, phases[i]))
    return numbered


def _arrays(spec: CellSpec, direction: str) -> list[str]:
    """The arrays of callers that every phase gets, as plans call them."""
    roles = {
        "forward": [("in", spec.inputs), ("out", spec.outputs), ("state_in", spec.states),
                    ("state_out", spec.states)],
        "backward": [("in", spec.inputs), ("d_out", spec.outputs), ("d_in", spec.inputs),
                     ("d_final", spec.states), ("d_start", spec.states)],
    }[direction]  # fmt: skip
    return [f"{role}:{a.name}" for role, group in roles for a in group]


def _arguments(spec: CellSpec, direction: str) -> tuple[str, ...]:
    gradients = ["gradients"] if direction == "backward" else []
    return (*COMMON, *gradients, *_arrays(spec, direction))


def _header(unit: Unit, note: str = "") -> str:
    without = f"Made without {', '.join(unit.without)}.\n" if unit.without else ""
    source = in_docstring(unit.source)
    return (
        f'"""{unit.spec.name}: made by celldsl {unit.version} from {source}.\n\n'
        f"Source hash {unit.digest}.  Change the source, not this file.\n{without}{note}"
        '"""\n\n'
        "# ruff: noqa"
    )


def _imports(names: Names, package: str, more: Iterable[str] = ()) -> str:
    """What the code names of the runtime's surface, and what others may ask the module for."""
    for name in ("np", *more):
        names.own(name)
    used = ", ".join(names.imported({*FILES, *SURFACE}))
    lines = textwrap.wrap(used, 96, initial_indent="    ", subsequent_indent="    ")
    numpy = f"import numpy as {names.own('np')}"
    imports = [numpy, "", f"from {package}.runtime import (", *lines, ")"]
    kept = list(names.builtin())
    return "\n".join([*imports, *(["", *kept] if kept else [])])
