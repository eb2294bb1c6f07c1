"""What a builtin function is.  In: nothing.  Out: the record that an entry of the table fills.

    Function("split", "v, parts, axis=-1", "equal parts, or parts of given sizes", build_split)

`signature` gives the names of the arguments; one with `=` may be left out, and the text after it
is what the builder takes then.  `build` gets the arguments as they were written.  `too_many` is the
help for who gives more arguments than there are.
"""

from __future__ import annotations

from collections.abc import Callable

from celldsl.semantics.builtins.arguments import Bound
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import Value
from celldsl.structs import record
from celldsl.syntax import ast

Build = Callable[[Environment, ast.Call, Bound], Value]


@record
class Function:
    name: str
    signature: str
    doc: str
    build: Build
    elementwise: bool = False
    too_many: str | None = None
