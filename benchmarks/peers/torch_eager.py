"""PyTorch step by step, as a person writes a cell of their own.  In: work.  Out: functions."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch

from peers.work import Work

LABEL = "torch eager"
XP = SimpleNamespace(
    sigmoid=torch.sigmoid,
    tanh=torch.tanh,
    relu=torch.relu,
    where=torch.where,
    rsqrt=torch.rsqrt,
    mean=lambda v: v.mean(-1, keepdim=True),
    split=lambda v, parts: v.chunk(parts, -1),
    cat=lambda parts: torch.cat(parts, -1),
)


def _forward(work: Work) -> Callable[..., Any]:
    def forward(weights: Any, x: Any, state: Any) -> Any:
        found = []
        for a in work.spec.project(XP, weights, x).unbind(0):
            y, state = work.spec.step(XP, weights, a, state)
            found.append(y)
        return torch.stack(found), state

    return forward


def _given(work: Work, grad: bool) -> tuple[Any, ...]:
    def tensor(array: Any) -> Any:
        return torch.tensor(array).requires_grad_(grad)

    weights = {name: tensor(a) for name, a in work.weights.items()}
    return weights, tensor(work.x), tuple(tensor(a) for a in work.starts)


def train(work: Work, wrap: Callable[..., Any] = lambda function: function) -> Callable[[], Any]:
    weights, x, starts = _given(work, True)
    cotangents = [torch.tensor(work.dy), *(torch.tensor(a) for a in work.finals)]
    leaves = [x, *starts, *weights.values()]
    forward = wrap(_forward(work))

    def run() -> Any:
        y, finals = forward(weights, x, starts)
        return y, torch.autograd.grad([y, *finals], leaves, cotangents)

    return run


def infer(work: Work, wrap: Callable[..., Any] = lambda function: function) -> Callable[[], Any]:
    given = _given(work, False)
    forward = wrap(_forward(work))

    def run() -> Any:
        with torch.inference_mode():
            return forward(*given)[0]

    return run
