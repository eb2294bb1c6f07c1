"""A cell of the zoo under test.  In: a name.  Out: a Subject, with sizes that are allowed.

subject = zoo_subject("gru")
subject.sizes                odd ones, then 1, 2 and 7
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from tests.cells import example
from tests.end_to_end.subject import Subject, subject_of
from tests.zoo.sizes import dims_near


@cache
def zoo_subject(name: str) -> Subject:
    return _sized(subject_of(example(name)))


def with_structure(name: str, settings: Mapping[str, Any]) -> Subject:
    """The cell with those of the settings that its structure depends on."""
    fixed = {h.name for h in zoo_subject(name).spec.hypers if h.fixed}
    fixed |= {d.name for d in zoo_subject(name).spec.dims if d.fixed is not None}
    chosen = {setting: value for setting, value in settings.items() if setting in fixed}
    return _sized(subject_of(example(name), tuple(sorted(chosen.items()))))


def _sized(subject: Subject) -> Subject:
    return replace(subject, sizes=tuple(dims_near(subject.spec, wanted) for wanted in (0, 1, 2, 7)))
