"""Every cell that tests have.  In: a name.  Out: its Subject.

subject_named("gru"), subject_named("features/scans")
"""

from __future__ import annotations

from tests.cells import EVERY
from tests.end_to_end.subject import FEATURES, Subject, subject_of
from tests.zoo.subject import zoo_subject

FEATURE_CELLS = {f"features/{path.stem}": path for path in sorted(FEATURES.glob("*.cell"))}
NAMES = (*EVERY, *FEATURE_CELLS)


def subject_named(name: str) -> Subject:
    return subject_of(FEATURE_CELLS[name]) if name in FEATURE_CELLS else zoo_subject(name)
