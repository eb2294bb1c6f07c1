"""What a module defines.  In: its syntax tree.  Out: its global names, in order."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def global_names(tree: ast.Module) -> Iterator[str]:
    """Names that the module defines or imports, as often as it does."""
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from (alias.asname or alias.name.split(".")[0] for alias in names)
            case ast.Assign(targets=targets):
                yield from (n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
