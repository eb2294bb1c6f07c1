"""Names in Python text, changed.  In: a text and new names.  Out: the text, its layout as it was.

kept_apart("np.pi\n\nclass np: …", "np")                "np_.pi\n\nclass np: …"
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping

# Line (from 1), first and last byte of the line, what comes there.
Edit = tuple[int, int, int, str]


def kept_apart(text: str, name: str) -> str:
    """The text with the class `name` in it, where the other code means something else by it.

    A cell may be called `range` or `pointer`; the other gets an underscore.
    """
    tree = ast.parse(text)
    # The last one: what the cell needs stands above it.
    own = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name][-1]
    other = name
    while other == name or other in _mentioned(tree):
        other += "_"
    known = set(global_names(tree, but=own))
    if name not in known and not (hasattr(builtins, name) and name in _mentioned(tree)):
        return text
    edits = list(_edits(tree, text, {name: other}))
    edits = [edit for edit in edits if edit[0] != own.lineno]
    edits += _edits_of_bases(own, text, {name: other})
    if name not in known:
        line = _after_imports(tree)
        edits.append((line, 0, 0, f"{other} = {name}\n"))
    return _edited(text, edits)


def global_names(tree: ast.Module, but: ast.stmt | None = None) -> Iterator[str]:
    """What a module defines or imports, in order."""
    for node in tree.body:
        match node:
            case _ if node is but:
                continue
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from (alias.asname or alias.name.split(".")[0] for alias in names)
            case ast.Assign(targets=targets):
                yield from (n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name


def _mentioned(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _after_imports(tree: ast.Module) -> int:
    last = max(i for i, n in enumerate(tree.body) if isinstance(n, ast.Import | ast.ImportFrom))
    return (tree.body[last].end_lineno or 0) + 1


def _edits(node: ast.AST, text: str, names: Mapping[str, str]) -> Iterator[Edit]:
    match node:
        case ast.Name(id=name) if name in names:
            yield node.lineno, node.col_offset, _end(node), names[name]
        case ast.arg(arg=name) if name in names:
            start = node.col_offset
            yield node.lineno, start, start + len(name.encode()), names[name]
        case ast.alias(name=name, asname=asname):
            bound = asname or name.split(".")[0]
            if bound in names:
                yield node.lineno, node.col_offset, _end(node), f"{name} as {names[bound]}"
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) if name in names:
            yield _of_definition(node, text, names[name])
    inside_class = isinstance(node, ast.ClassDef)
    for child in ast.iter_child_nodes(node):
        for edit in _edits(child, text, names):
            if not (inside_class and _belongs(child, edit)):
                yield edit


def _belongs(child: ast.AST, edit: Edit) -> bool:
    """Whether an edit would change the name of something that a class has."""
    match child:
        case ast.AnnAssign(target=target) | ast.Assign(targets=[target]):
            return (edit[0], edit[1]) == (target.lineno, target.col_offset)
        case ast.FunctionDef(lineno=line, col_offset=column):
            return (edit[0], edit[1]) == (line, column + len("def "))
    return False


def _of_definition(node: ast.FunctionDef | ast.ClassDef, text: str, new: str) -> Edit:
    keyword = "def " if isinstance(node, ast.FunctionDef) else "class "
    start = node.col_offset + len(keyword)
    return node.lineno, start, start + len(node.name.encode()), new


def _edits_of_bases(own: ast.ClassDef, text: str, names: Mapping[str, str]) -> list[Edit]:
    return [edit for base in own.bases for edit in _edits(base, text, names)]


def _end(node: ast.expr | ast.alias) -> int:
    assert node.end_lineno == node.lineno and node.end_col_offset is not None
    return node.end_col_offset


def _edited(text: str, edits: list[Edit]) -> str:
    # Python counts columns in bytes.
    lines = [line.encode() for line in text.splitlines(keepends=True)]
    for line, start, end, new in sorted(edits, reverse=True):
        old = lines[line - 1]
        lines[line - 1] = old[:start] + new.encode() + old[end:]
    return b"".join(lines).decode()
