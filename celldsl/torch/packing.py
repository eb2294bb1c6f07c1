"""PackedSequence in and out.  In: packed sequences.  Out: padded tensors with lengths, and back."""

from __future__ import annotations

import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


def padded(packed: PackedSequence, batch_first: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """(T, B, …) or (B, T, …) in the order before they were sorted, and the lengths (B,)."""
    output, lengths = pad_packed_sequence(packed, batch_first)
    return output, lengths


def packed_like(packed: PackedSequence, output: torch.Tensor, batch_first: bool) -> PackedSequence:
    """Outputs packed as the inputs were."""
    _, lengths = pad_packed_sequence(packed, batch_first)
    order = packed.sorted_indices
    if order is not None:
        output = output.index_select(0 if batch_first else 1, order)
        lengths = lengths[order.to(lengths.device)]
    made = pack_padded_sequence(output, lengths, batch_first)
    return PackedSequence(made.data, packed.batch_sizes, order, packed.unsorted_indices)
