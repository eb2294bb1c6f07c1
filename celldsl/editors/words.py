"""Words of the language by what they are.  In: reserved words and the builtins.  Out: names.

    words()["function"]        {"sigmoid", "tanh", "linear", …}

Nothing is listed here: a new reserved word or builtin is known at once.
"""

from __future__ import annotations

from functools import cache

CONSTANTS = frozenset({"true", "false", "inf"})
OPERATORS = frozenset({"and", "or", "not"})
DECLARATIONS = frozenset({"cell", "def", "input", "state", "param", "const", "output", "sub"})


@cache
def words() -> dict[str, frozenset[str]]:
    """`declaration`, `keyword`, `operator`, `constant`, `function`, `initialiser`."""
    from celldsl.semantics.builtins.table import FUNCTIONS, PRELUDE
    from celldsl.semantics.folds import FOLDS
    from celldsl.semantics.initial_values import INITIALISERS
    from celldsl.syntax.names import RESERVED

    functions = frozenset(FUNCTIONS) | frozenset(PRELUDE) | frozenset(FOLDS)
    return {
        "declaration": RESERVED & DECLARATIONS,
        "operator": RESERVED & OPERATORS,
        "constant": RESERVED & CONSTANTS,
        "keyword": RESERVED - DECLARATIONS - OPERATORS - CONSTANTS,
        "function": functions,
        "initialiser": frozenset(INITIALISERS) - functions,
    }
