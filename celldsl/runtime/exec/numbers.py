"""What a pass computes with besides its inputs.  In: arrays.  Out: those that kernels take first.

with_masks(engine.numbers, key)         # the same, for a pass that draws masks
"""

from __future__ import annotations

from dataclasses import dataclass

from celldsl.runtime.arrays.validation import Values


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """What a pass computes with.  Hyperparameters and constants are never written to: a change
    makes others.

    `hyper` has two more than there are: whether masks are drawn, and the key that they are drawn
    with.  `arrays` are those that kernels take first: dims, `hyper`, parameters, `constants`.
    """

    hyper: Values
    constants: Values
    arrays: tuple[Values, ...]


def with_masks(numbers: Numbers, key: int) -> Numbers:
    """The same for a pass that draws masks."""
    hyper = numbers.hyper.copy()
    hyper[-2:] = 1.0, key
    dims, _, parameters, constants = numbers.arrays
    return Numbers(hyper, constants, (dims, hyper, parameters, constants))
