"""The text of stages as syntax trees.  In: a stage.  Out: its definition.

    tree_of(forward_steps).args.args[0].arg         # "part"

The text is that which was imported; the file may have been written anew since.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator, Sequence
from functools import lru_cache

from celldsl.runtime.kernel import Stage


def tree_of(stage: Stage) -> ast.FunctionDef:
    """The definition of a stage.  Raises OSError where its text is nowhere."""
    code = stage.function.__code__
    text = stage.text
    if text is None:  # of a notebook, or in an archive
        text = "".join(linecache.getlines(code.co_filename, stage.function.__globals__))
    found = _definitions(text).get((stage.name, code.co_firstlineno))
    if found is None:
        raise OSError(f"compiling needs the text of {stage.name}, not found in {code.co_filename}")
    return found


@lru_cache(maxsize=16)
def _definitions(text: str) -> dict[tuple[str, int], ast.FunctionDef]:
    """By names and first lines, which are those of decorators."""
    return {
        (node.name, min([node.lineno, *(mark.lineno for mark in node.decorator_list)])): node
        for node in all_statements(ast.parse(text).body)
        if isinstance(node, ast.FunctionDef)
    }


def all_statements(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """These and all that are inside them: there are far fewer than there are nodes."""
    for node in body:
        yield node
        for suite in ("body", "orelse", "handlers", "finalbody", "cases"):
            yield from all_statements(getattr(node, suite, ()))
