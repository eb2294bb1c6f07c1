"""PyTorch's own `nn.LSTM` and `nn.GRU`.  In: work.  Out: functions, None where it is another cell.

They have parameters of their own, since where they keep them is nobody's business.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from peers.work import Work

LABEL = "torch.nn"


def _made(work: Work) -> Any:
    if work.spec.torch is None:
        return None
    _, _, inputs, hidden = work.shape
    return getattr(torch.nn, work.spec.torch)(inputs, hidden)


def _states(arrays: list[Any]) -> list[Any]:
    return [torch.tensor(array)[None] for array in arrays]


def train(work: Work) -> Callable[[], Any] | None:
    net = _made(work)
    if net is None:
        return None
    x, dy = torch.tensor(work.x).requires_grad_(), torch.tensor(work.dy)
    starts = [state.requires_grad_() for state in _states(work.starts)]
    cotangents = [dy, *_states(work.finals)]
    leaves = [x, *starts, *net.parameters()]

    def run() -> Any:
        y, finals = net(x, tuple(starts) if len(starts) > 1 else starts[0])
        results = [y, *(finals if len(starts) > 1 else [finals])]
        return torch.autograd.grad(results, leaves, cotangents)

    return run


def infer(work: Work) -> Callable[[], Any] | None:
    net = _made(work)
    if net is None:
        return None
    x, starts = torch.tensor(work.x), _states(work.starts)

    def run() -> Any:
        with torch.inference_mode():
            return net(x, tuple(starts) if len(starts) > 1 else starts[0])

    return run
