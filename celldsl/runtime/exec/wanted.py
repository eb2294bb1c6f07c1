"""Which gradients a backward pass is for.  In: what somebody asks for.  Out: phases to leave out.

Wanted(inputs=False).left_out           # ["inputs"]
"""

from __future__ import annotations

from typing import NamedTuple


class Wanted(NamedTuple):
    """Whose gradients somebody wants; those of start states always come along."""

    inputs: bool = True
    parameters: bool = True

    @property
    def left_out(self) -> list[str]:
        """What phases serve that nobody needs."""
        return [name for name, wanted in self._asdict().items() if not wanted]


EVERYTHING = Wanted()
