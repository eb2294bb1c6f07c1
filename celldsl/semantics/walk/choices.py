"""Which structure a walk goes through.  In: chosen values.  Out: decisions for `if`s and loops.

With `given` values (lowering) every question has one answer.  Without (checking), a condition
that the facts do not decide goes both ways: `forced` says how the first ones were decided, and
`taken` how all were, so that the caller can walk the other ways too.
"""

from __future__ import annotations

from collections.abc import Mapping

from celldsl.record import entity, field

Setting = int | float | bool | str


@entity
class Choices:
    """`structural` names the dims and hyperparameters found to decide the structure.

    It grows during a walk; when it has grown, the walk is done again, now with their values.
    `spent` counts the equations of all these walks.
    """

    symbolic: bool
    given: Mapping[str, Setting] = field(default_factory=dict)
    structural: set[str] = field(default_factory=set)
    forced: tuple[bool, ...] = ()
    taken: list[bool] = field(default_factory=list)
    remembered: dict[str, bool] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    spent: int = 0
    kinds: dict[str, str] = field(default_factory=dict)
    samples: Mapping[str, Setting] = field(default_factory=dict)

    def either(self, key: str) -> bool:
        """A way through an undecided condition: the same one for the same condition."""
        if key not in self.remembered:
            place = len(self.taken)
            answer = self.forced[place] if place < len(self.forced) else True
            self.taken.append(answer)
            self.remembered[key] = answer
        return self.remembered[key]
