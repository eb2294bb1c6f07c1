"""Was a file saved from the same equations?  In: its metadata.  Out: a warning.

    GRU.from_file("gru.safetensors")
    # WeightsWarning: gru.safetensors was saved from other equations of GRU: …

What is compared is the formatted text of all files of a cell, without comments and docstrings.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping, Sequence
from difflib import unified_diff

from celldsl.runtime.cell.compiler import compiler
from celldsl.runtime.description import Description
from celldsl.runtime.errors import WeightsError, WeightsWarning, caller_level

Sources = Sequence[Sequence[str]]


def warn_of_other_equations(
    described: Description, metadata: Mapping[str, str], path: str | os.PathLike[str]
) -> None:
    """Gives a WeightsWarning with a diff where a file was saved from other equations."""
    told = f"{path} was saved from other equations of {described.name}"
    if "sources" in metadata:
        saved = _read(metadata["sources"], path)
        if [tuple(each) for each in saved] == [tuple(each) for each in described.sources]:
            return  # as a rule, and then no compiler is needed
        before, after = equations_of(saved), equations_of(described.sources)
        if before == after:
            return
        diff = unified_diff(
            before.splitlines(), after.splitlines(), "saved", "now", lineterm="", n=1
        )
        told = "\n".join([f"{told}:", *(f"    {line}" for line in diff)])
    elif metadata.get("digest", described.digest) == described.digest:
        return
    else:
        told += ", or of another layout; it is of an older celldsl and does not hold them"
    warnings.warn(told, WeightsWarning, stacklevel=caller_level())


def equations_of(sources: Sources) -> str:
    """What is compared; the text as it is where no compiler is installed."""
    asked = compiler()
    if asked is not None:
        return str(asked.equations(sources))
    return "\n".join(text for _, text in sources)


def _read(text: str, path: str | os.PathLike[str]) -> Sources:
    try:
        return [(str(name), str(content)) for name, content in json.loads(text)]
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{path}: the sources in it cannot be read ({error})") from None
