"""Layers of PyTorch for any cell: `pip install celldsl[torch]`.

    layer = celldsl.torch.RNN(GRU, I=28, H=128, num_layers=2, batch_first=True)
    output, state = layer(x)

On the CPU a cell's compiled passes run, elsewhere the same cell in PyTorch's own operations.
"""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("torch") is None:
    raise ImportError("celldsl.torch needs PyTorch: pip install 'celldsl[torch]'")

from celldsl.torch.cell import Cell
from celldsl.torch.rnn import RNN

__all__ = ["RNN", "Cell"]
