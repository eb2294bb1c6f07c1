"""What is a library's own in generated code.  In: nothing.  Out: the record that a target fills in.

A template is an expression over `{0}`, `{1}` …, attributes of the node by name, and `{like}`.
`{axis}` counts from the end, since the axes of a batch lead; `{shape}` is the sizes of the value
after a comma each.  Helpers, which generated files carry, are written as one text (`functions_of`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from celldsl.structs import record


@record
class Dialect:
    """How one library spells the operations of a Program.

    title      the library's name, as people write it
    calls      templates by operation, those of operators apart, which Python has
    wants      operations whose first argument must be an array, not a number of Python
    draws      templates by initialiser, over `{shape}`, `{fan_in}`, `{fan_out}`, `{0}` … and
               `{stream}`
    helpers    functions that generated code may call, by name; a file gets those that it calls
    like       the name of what tells the dtype (and the device) of new arrays
    scalar     template: the number `{0}` as an array without axes
    full       template: a number as an array of a shape
    stretch    template: an array without axes stretched to a shape
    mask       template: one mask, over `{kind}`, `{rate}`, `{times}`, `{shape}`, `{like}`, `{site}`
    chance     the name of what decides whether and how masks are drawn; `chance_keyword` with its
               default
    alike      template: the line that finds `like`, over `{first}` and all `{inputs}` of numbers;
               `alike_params` is that where there are none
    setting    template: the hyperparameter `{0}` as an array without axes
    first_values, last_values, open_values
               what `initial_values` takes before and after a cell's own settings, and its first
               lines
    reserved   further names that mean something in a generated file
    product    template: the value of a product, whose factors may be rounded
    """

    title: str
    calls: Mapping[str, str]
    wants: frozenset[str]
    draws: Mapping[str, str]
    helpers: Mapping[str, str]
    like: str
    scalar: str
    full: str
    stretch: str
    mask: str
    chance: str
    chance_keyword: str
    alike: str
    alike_params: str
    setting: str
    first_values: tuple[str, ...]
    last_values: tuple[str, ...]
    open_values: tuple[str, ...]
    reserved: tuple[str, ...]
    product: str = "{0}"


def functions_of(text: str) -> dict[str, str]:
    """The functions of a text, which two empty lines part."""
    found = {}
    for piece in text.strip("\n").split("\n\n\n"):
        head = re.match(r"(?:def|class) (\w+)\(", piece)
        assert head is not None, f"no function: {piece}"
        found[head[1]] = piece
    return found
