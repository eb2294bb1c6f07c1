"""PyTorch's compiler over the same code as `torch_eager`.  In: work.  Out: functions.

It unrolls the time loop: compiling takes minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from peers import torch_eager
from peers.work import Work

LABEL = "torch.compile"


def train(work: Work) -> Callable[[], Any]:
    return torch_eager.train(work, torch.compile)


def infer(work: Work) -> Callable[[], Any]:
    return torch_eager.infer(work, torch.compile)
