"""Modules as a generator would write them, for tests of what happens around them.

text = module_text("Tiny", "relu")
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from celldsl.jit.object_cache import phase_addresses
from celldsl.pipeline import Module
from celldsl.runtime.description import Phase
from celldsl.runtime.row_plan import plan_rows
from celldsl.runtime.threads.launch import CompiledPhases, LaunchPlan

TEMPLATE = """from dataclasses import replace

from celldsl.runtime.cell.cell import Cell
from celldsl.runtime.description import Hyper
from tests.runtime.fake_cell import Fake


class {name}(Cell):
    description = replace(
        Fake.description,
        name="{name}",
        hypers=(
            Hyper("scale", "real", 1.0, False),
            Hyper("activation", "function", "{activation}", True),
        ),
    )
"""


def module_text(name: str, activation: str = "tanh") -> str:
    return TEMPLATE.format(name=name, activation=activation)


class Generator:
    """Stands in for the compiler, and counts."""

    def __init__(self) -> None:
        self.structures: list[dict[str, Any]] = []

    def __call__(
        self,
        text: str,
        name: str,
        *,
        cell: str | None = None,
        structure: Mapping[str, Any] | None = None,
        root: object = None,
        standalone: bool = False,
        report: object = None,
        without: Collection[str] = (),
        target: str = "numba",
        observed: object = None,
    ) -> Module:
        self.structures.append(dict(structure or {}))
        found = text.split()[1] if cell is None else cell
        made = module_text(found, str((structure or {}).get("activation", "tanh")))
        return Module(found, made, f"class {found}: ...")


def run_phases(
    phases: Sequence[Any], arrays: Sequence[Any], dtype: str = "float32", rows: Any = None
) -> None:
    """Runs compiled phases once, over `rows` and the arrays that come after it."""
    made = [Phase("once", phase) for phase in phases]
    plan = plan_rows(1, 1, 1, False, True)
    if rows is not None:
        plan = replace(plan, parts=(rows,))
    LaunchPlan(CompiledPhases(made, phase_addresses(phases, dtype)), plan).run(arrays)
