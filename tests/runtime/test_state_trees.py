"""States are trees to the libraries that walk through them, inner cells and loops included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import celldsl

# Where a library's function is that maps over the leaves of a tree.
MAPS = {"jax": ("jax", "tree_util"), "torch": ("torch.utils._pytree", None)}


@pytest.fixture(scope="module")
def cell() -> Any:
    source = """
cell Inner[H]:
    input x: [H]
    state h: [H]
    h' = tanh(x + h)
    output h'

cell Stack[H]:
    input x: [H]
    y = x
    for k in 0..2:
        sub layer = Inner[H]
        y = layer(y)
    output y
"""
    return celldsl.compile_source(source, "Stack")(H=3)


def mapping(library: str) -> Callable[..., Any]:
    module, part = MAPS[library]
    found = pytest.importorskip(module)
    return (getattr(found, part) if part else found).tree_map  # type: ignore[no-any-return]


@pytest.mark.parametrize("library", MAPS)
def test_a_map_over_a_state_gives_a_state(cell: Any, library: str) -> None:
    tree_map = mapping(library)
    state = cell.state(2)
    more = tree_map(lambda array: np.asarray(array) + 1, state)
    assert type(more) is type(state) and type(more.layer) is type(state.layer)
    np.testing.assert_array_equal(more.layer[1].h, np.ones((2, 3)))
    x = np.zeros((1, 2, 3), "float32")
    np.testing.assert_array_equal(cell(x, more)[0], cell(x, {"layer": more.layer})[0])


def test_the_states_of_a_loop_are_built_as_named_tuples_are(cell: Any) -> None:
    layer = cell.state(2).layer
    assert type(layer)(*layer) == layer == type(layer)._make(layer)
    assert list(layer._asdict()) == ["0", "1"]
