"""Work for many equations.  In: cells of so many gates.  Out: how many calls compiling takes.

No time is measured: what grows faster than the cell would be called more often than twice as much
for twice the equations.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Source
from celldsl.pipeline import DEFAULT, Artefacts, front
from celldsl.targets.table import TARGETS

MOST = 2.3


def _gates(count: int) -> str:
    """`count` layers of an LSTM's gates with a mixture of what they give and were: 8 equations."""
    states = [f"    state h{k}: [H]\n    state c{k}: [H]\n" for k in range(count)]
    layers = []
    for k in range(count):
        read = f"[{'x' if k == 0 else f'y{k - 1}'}, h{k}]"
        layers.append(f"""
    i{k} = sigmoid(linear({read}, H))
    f{k} = sigmoid(linear({read}, H))
    g{k} = tanh(linear({read}, H))
    c{k}' = f{k} * c{k} + i{k} * g{k}
    a{k} = tanh(c{k}')
    b{k} = exp(-a{k} * a{k})
    h{k}' = b{k} * a{k} + (1 - b{k}) * h{k}
    y{k} = h{k}' + 0.5 * b{k}""")
    head = "cell Gates[H]:\n    input x: [H]\n"
    return f"{head}{''.join(states)}{''.join(layers)}\n    output y{count - 1}\n"


def _calls(work: Callable[[], object]) -> int:
    """How many Python functions are called, turns of generators among them."""
    count = 0

    def see(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def _stages_of(layers: int) -> dict[str, int]:
    """The calls of each stage of the compiler."""
    text = _gates(layers)
    lowered = front(Source("gates", text), Report(), None, {})
    made = Artefacts(lowered)
    write = TARGETS[DEFAULT].writer()
    return {
        "front": _calls(lambda: front(Source("gates", text), Report(), None, {})),
        "differentiated": _calls(lambda: made.differentiated),
        "taped": _calls(lambda: made.taped),
        "optimised": _calls(lambda: made.optimised),
        "plan": _calls(lambda: made.plan),
        "text": _calls(lambda: write(made.unit("gates", "0" * 16), False)),
    }


def test_twice_the_equations_are_twice_the_work() -> None:
    _stages_of(2)  # imports, tables of the grammar
    few, many = _stages_of(6), _stages_of(12)
    growth = {stage: many[stage] / calls for stage, calls in few.items()}
    assert all(ratio < MOST for ratio in growth.values()), growth
