"""What targets of frameworks print: every primitive, and operations that they do not spell."""

from __future__ import annotations

from pathlib import Path

import pytest

from celldsl.ir.ops.table import OPS
from celldsl.structs import replace
from celldsl.targets.framework.dialect import Dialect
from celldsl.targets.framework.expression import OWN
from celldsl.targets.jax.dialect import JAX
from celldsl.targets.torch.dialect import TORCH
from tests.end_to_end.compare import Setup
from tests.end_to_end.subject import subject_of
from tests.targets.compare import compare

TEXT = """
cell Main[I, H]:
    input x: [I]
    state h: [H]

    a = linear(x, H)
    s = step(a) * a + sign(a + 0.1) * 0.3 + relu(a) + clip(a, -0.5, 0.5)
    h' = tanh(s + 0.5 * h + sum(x) + min(cumsum(x)) + max(x) + cumprod(1 + 0.1 * a))

    output h'
"""
# Values that an entry's own rules put together.
COMPOSED = ("step", "sign", "relu", "clip", "sum", "cumsum", "cumprod", "amax", "amin")


@pytest.mark.parametrize("dialect", [TORCH, JAX], ids=lambda dialect: dialect.title)
def test_every_primitive_is_spelled(dialect: Dialect) -> None:
    primitives = {name for name, entry in OPS.items() if entry.primitive}
    assert primitives <= {*OWN, *dialect.calls}
    # Derivatives of what they are made of are not theirs at kinks.
    told_apart = {name for name, entry in OPS.items() if entry.slope != "smooth"}
    assert told_apart <= dialect.calls.keys()


def test_operations_without_a_spelling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values and gradients are those of the entries."""
    pytest.importorskip("torch")
    calls = {name: call for name, call in TORCH.calls.items() if name not in COMPOSED}
    bare = replace(TORCH, calls=calls)
    monkeypatch.setattr("celldsl.targets.torch.module.TORCH", bare)
    path = tmp_path / "bare.cell"
    path.write_text(TEXT, encoding="utf-8")
    compare(subject_of(path), "torch", Setup())
