"""Names and sizes in a generated module.  In: the cell's name, its arrays.  Out: Python text.

    names = Names("range", ["in:x", "state_in:g.h"])
    names.own("range")                "range_": the cell is called so
    names.array("in:x")               "in_x"
    size_code(3*H + @R)               "3*d_H + n_rows"

The class is the only name of a user's that stands in a module as it is; whatever of ours is called
alike gets an underscore.  Everything else of theirs begins with a prefix: `d_` a dim, `v_` a value,
`m_` a pointer to one, `at_` the beginning of a buffer, `in_`, `out_`, `dout_`, `start_` … an array.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator
from functools import lru_cache

from celldsl.ir.size import Size

PREFIXES = {
    "in": "in_",
    "out": "out_",
    "d_out": "dout_",
    "d_in": "din_",
    "state_in": "start_",
    "state_out": "final_",
    "d_final": "dfinal_",
    "d_start": "dstart_",
}
# Both directions call theirs so.
ROLES = {"forward_work": "work", "backward_work": "work", "backward_fixed": "fixed"}


class Names:
    """`used` are the names of others that the module mentions, in order."""

    def __init__(self, cell: str, arrays: Iterable[str]) -> None:
        self.cell = cell
        self.used: dict[str, None] = {}
        self._arrays: dict[str, str] = {}
        for array in dict.fromkeys(arrays):
            role, _, name = array.partition(":")
            # A state of an inner cell, `g.h`, may stand beside one that is called `g__h`.
            own = PREFIXES[role] + name.replace(".", "__")
            while own in self._arrays.values():
                own += "_"
            self._arrays[array] = own

    def own(self, name: str) -> str:
        """A global name that is not the cell's."""
        self.used[name] = None
        return f"{name}_" if name == self.cell else name

    def array(self, array: str) -> str:
        """An argument of kernels: that of an array, or a variable of ours."""
        return self._arrays.get(array) or ROLES.get(array, array)

    def imported(self, surface: Iterable[str]) -> Iterator[str]:
        """What an import statement says of the names that were used and are there to import."""
        for name in sorted(self.used.keys() & {*surface}):
            yield name if name != self.cell else f"{name} as {name}_"

    def builtin(self) -> Iterator[str]:
        """The line that keeps a builtin whose name the cell has."""
        if self.cell in self.used and hasattr(builtins, self.cell):
            yield f"{self.cell}_ = {self.cell}"


EXTENTS = {"@R": "n_rows", "@B": "n_batch", "@S": "n_states", "@K": "n_kept", "@parts": "parts"}


def kernel_dim(name: str) -> str:
    """What kernels call a dim, or a number of rows."""
    return EXTENTS.get(name) or f"d_{name}"


@lru_cache(4_096)
def size_code(size: Size) -> str:
    """A size as kernels write it."""
    return size.code(kernel_dim)
