"""Values and gradients of the examples are PyTorch's, to 1e-8 in float64, over a sequence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.cells import FIRST, example
from tests.end_to_end.compare import distance
from tests.end_to_end.subject import SIZES, Arrays, subject_of

torch = pytest.importorskip("torch")
T, B = 6, 3


def tensors(arrays: Arrays) -> dict[str, Any]:
    return {n: torch.tensor(np.array(a), requires_grad=True) for n, a in arrays.items()}


@pytest.mark.parametrize("name", FIRST)
def test_values_and_gradients_agree_with_torch(name: str) -> None:
    from tests.end_to_end.torch_cells import STEPS

    subject = subject_of(example(name))
    dims = subject.dims(SIZES[0])
    cell = subject.make(dims)
    x = next(iter(subject.draw_inputs(dims, T, B).values()))
    dy = next(iter(subject.draw_outputs(dims, T, B).values()))
    starts, dstate = subject.draw_states(dims, B), subject.draw_states(dims, B, seed=4)
    y, last, tape = cell.forward(x, starts)
    found = cell.backward(tape, dy, dstate)

    p, s0, xt = tensors(dict(cell.params)), tensors(starts), torch.tensor(x, requires_grad=True)
    state, outputs = dict(s0), []
    for t in range(T):
        out, state = STEPS[name](p, xt[t], state)
        outputs.append(out)
    ys = torch.stack(outputs)
    loss = (ys * torch.tensor(dy)).sum()
    loss = loss + sum((state[n] * torch.tensor(d)).sum() for n, d in dstate.items())
    loss.backward()

    pairs = {"y": (y, ys), "d x": (next(iter(found.inputs.values())), xt.grad)}
    pairs |= {f"last {n}": (getattr(last, n), state[n]) for n in starts}
    pairs |= {f"d {n}": (found.params[n], p[n].grad) for n in p}
    pairs |= {f"d {n}": (getattr(found.state, n), s0[n].grad) for n in starts}
    wrong = {n: e for n, (a, b) in pairs.items() if not (e := distance(a, b.detach())) < 1e-8}
    assert not wrong
