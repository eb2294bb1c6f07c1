"""Generated files of cells under test.  In: a subject, a target.  Out: the module, and arrays.

module = written(subject_of(path), "torch")
module.forward(params, x)
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from celldsl.ir.program import Program
from celldsl.pipeline import Artefacts
from celldsl.semantics.lower import Lowered
from celldsl.targets.table import TARGETS
from tests.end_to_end.subject import Arrays, Subject

WRITTEN = "written_cell"


def source(program: Program, spec: Any, target: str) -> str:
    unit = Artefacts(Lowered(program, spec)).plain_unit("test.cell", "0" * 16)
    return TARGETS[target].writer()(unit)


def written(subject: Subject, target: str) -> ModuleType:
    """The file as a module; it is never on disk."""
    return as_module(source(subject.program, subject.spec, target))


def as_module(text: str) -> ModuleType:
    module = ModuleType(WRITTEN)
    sys.modules[WRITTEN] = module
    exec(compile(text, f"{WRITTEN}.py", "exec"), module.__dict__)
    return module


@dataclass
class Values:
    """Stands for an instance: parameters and constants, all drawn, so that none is zero."""

    params: Arrays = field(default_factory=dict)
    consts: Arrays = field(default_factory=dict)


def draw_values(subject: Subject, dims: Mapping[str, int], seed: int = 0) -> Values:
    rng = np.random.default_rng(seed)

    def drawn(specs: Any) -> Arrays:
        return {p.name: 0.5 * rng.normal(size=subject.shape(p.shape, dims)) for p in specs}

    return Values(drawn(subject.spec.params), drawn(subject.spec.consts))
