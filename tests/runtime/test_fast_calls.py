"""Steps that compiled code does from Python's arguments to its results."""

from __future__ import annotations

import gc
import sys
import threading
import types
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from celldsl.api import load
from celldsl.runtime.cpython import fast_calls as direct
from celldsl.runtime.errors import ArgumentError, ArgumentTypeError

CELLS = """\
cell One[I, H]:
    input x: [I]
    state h: [H]
    h' = tanh(linear([x, h], H))
    output h'

cell Two[I, H]:
    input x: [I]
    state h, c: [H]
    c' = c / 2 + linear([x, h], H)
    h' = tanh(c')
    output h', c'

cell Memoryless[I, H]:
    input x: [I]
    y = linear(x, H)
    output y

cell Broad[I, H]:
    input x: [I]
""" + "".join(f"    y{n} = {n} * linear(x, H)\n" for n in range(20))
CELLS += f"    output {', '.join(f'y{n}' for n in range(20))}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("direct")
    (folder / "cells.cell").write_text(CELLS, encoding="utf-8")
    return folder


@pytest.fixture(params=["One", "Two", "Memoryless"])
def cell(folder: Path, request: pytest.FixtureRequest) -> Any:
    return load(folder / "cells.cell", request.param)(I=3, H=5, dtype="float64", seed=1)


@pytest.fixture
def two(folder: Path) -> Any:
    return load(folder / "cells.cell", "Two")(I=3, H=5, dtype="float32", seed=1)


def inputs_for(cell: Any, steps: int, batch: int = 2) -> Any:
    drawn = np.random.default_rng(0).normal(size=(steps, batch, cell.dims["I"]))
    return drawn.astype(cell.dtype)


def flat(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple) else [value]


def test_it_is_what_a_sequence_is(cell: Any) -> None:
    x = inputs_for(cell, 4)
    want, end = cell(x)
    _, state = cell.step(x[0])
    for t in range(1, 4):
        found = cell._steppers.direct(x[t], state)
        assert found is not None and type(found) is tuple
        y, state = found
        assert type(state) is type(end)
        for mine, whole in zip(flat(y), flat(want), strict=True):
            np.testing.assert_array_equal(mine, whole[t])
            assert mine.flags.owndata and mine.dtype == cell.dtype
    for mine, last in zip(state, end, strict=True):
        np.testing.assert_array_equal(mine, last)


def test_a_stream_is_what_a_sequence_is(cell: Any) -> None:
    x = inputs_for(cell, 5)
    want, end = cell(x)
    stream = cell.stream(batch=2)
    for t in range(5):
        # Now and then what only the closer look takes.
        given = x[t] if t % 3 else np.asfortranarray(x[t])
        for mine, whole in zip(flat(stream(given)), flat(want), strict=True):
            np.testing.assert_array_equal(mine, whole[t])
    for mine, last in zip(stream.state, end, strict=True):
        np.testing.assert_array_equal(mine, last)


def test_anything_else_goes_the_usual_way(two: Any) -> None:
    x = inputs_for(two, 1)[0]
    _, state = two.step(x)
    step = two._steppers.direct
    assert step(x, state) is not None
    other = [
        (x,),
        (x, state, 1),
        (x.astype("float64"), state),
        (x.astype(">f4"), state),
        (x[:1], state),
        (x[0], state),
        (x[None], state),
        (x[:, ::-1], state),
        (x.tolist(), state),
        (x.view(np.matrix), state),
        (x, None),
        (x, tuple(state)),
        (x, state._replace(h=state.h[:, :4])),
        (x, state._replace(c=None)),
        (x, state._replace(c=state.c.tolist())),
        (x, tuple.__new__(type(state), state[:1])),
    ]
    locked = x.copy()
    locked.setflags(write=False)
    for given in (*other, (locked, state)):
        assert step(*given) is None


def test_mistakes_are_told_as_ever(two: Any) -> None:
    x = inputs_for(two, 1)[0]
    _, state = two.step(x)
    with pytest.raises(ArgumentError, match=r"x: expected \(B, I=3\), got \(2, 2\)"):
        two.step(x[:, :2], state)
    with pytest.raises(ArgumentTypeError, match="expected float32, got float64"):
        two.step(x, state._replace(c=state.c.astype("float64")))


def test_every_change_of_a_parameter_is_seen(two: Any) -> None:
    x = inputs_for(two, 1)[0]
    name = next(iter(two.params))
    _, state = two.step(x)
    assert two._steppers.direct(x, state) is not None
    two.params[name][...] *= 2
    assert two._steppers.direct(x, state) is None
    expected = two(x[None], state)[0].h[0]
    np.testing.assert_array_equal(two.step(x, state)[0].h, expected)
    held = two.params[name]
    for _ in range(3):
        held *= -1.5
        expected = two(x[None], state)[0].h[0]
        np.testing.assert_array_equal(two.step(x, state)[0].h, expected)
    del held
    two.step(x, state)
    assert two._steppers.direct(x, state) is not None


def test_another_batch_size_has_another_function(two: Any) -> None:
    x = inputs_for(two, 1, batch=7)[0]
    _, end = two.step(x)
    again, _ = two.step(x, end)
    for batch in (1, 2, 7, 1):
        part = type(end)(*(array[:batch].copy() for array in end))
        for _ in range(2):
            found, _ = two.step(x[:batch].copy(), part)
            np.testing.assert_allclose(found.h, again.h[:batch], rtol=1e-6)


def test_nothing_is_kept_that_nobody_holds(two: Any) -> None:
    x = inputs_for(two, 1)[0]
    _, state = two.step(x)
    for _ in range(3):
        result = two.step(x, state)
    counted = (x, state, *state, None)
    kept, grown = [], []
    for _ in range(3):  # others in the process take memory and use None too, but not each time
        gc.collect()
        blocks = sys.getallocatedblocks()
        before = [sys.getrefcount(thing) for thing in counted]
        for _ in range(1000):
            result = two.step(x, state)
        after = [sys.getrefcount(thing) for thing in counted]
        grown.append(sys.getallocatedblocks() - blocks)
        kept.append(max(abs(a - b) for a, b in zip(before, after, strict=True)))
    # Something kept at every step would count 1,000.
    assert min(grown) < 100
    assert min(kept) < 100
    y, new = result
    del result
    assert sys.getrefcount(y) == sys.getrefcount(new) == 2


def test_nothing_of_a_cell_outlives_it(two: Any, folder: Path) -> None:
    cell = load(folder / "cells.cell", "One")(I=3, H=5, seed=1)
    x = inputs_for(cell, 1)[0]
    _, state = cell.step(x)
    step = cell._steppers.direct
    expected = cell.step(x, state)[0].copy()
    del cell
    gc.collect()
    np.testing.assert_array_equal(step(x, state)[0], expected)


def test_its_memory_is_nobody_elses(two: Any) -> None:
    x = inputs_for(two, 1)[0]
    _, state = two.step(x)
    step, engine = two._steppers.direct, two._engine
    expected = two.step(x, state)[0].h
    for batch in range(3, 3 + two._steppers.MOST):
        two.step(inputs_for(two, 1, batch)[0])
    assert 2 not in two._steppers._idle
    pooled = [engine.buffers.take(engine.fixed_length) for _ in range(10)]
    for buffer in pooled:
        buffer.array[:] = np.nan
    np.testing.assert_array_equal(step(x, state)[0].h, expected)


def test_a_function_keeps_what_says_where_it_is(two: Any) -> None:
    two.step(inputs_for(two, 1)[0])
    method = weakref.ref(direct._methods()["step"])
    # As where two threads were the first at once, of which one is forgotten.
    direct._methods.cache_clear()
    gc.collect()
    assert method() is not None


def test_a_finaliser_may_make_a_step(two: Any) -> None:
    x = inputs_for(two, 2)
    _, state = two.step(x[0])
    expected, end = two.step(x[0], state)

    class Stepping:
        def __init__(self) -> None:
            self.own = self

        def __del__(self) -> None:
            two.step(x[1].copy(), type(state)(*(array + 1 for array in state)))

    before = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        for _ in range(100):
            Stepping()
            y, new = two.step(x[0], state)
            for found, want in zip((*y, *new), (*expected, *end), strict=True):
                np.testing.assert_array_equal(found, want)
    finally:
        gc.set_threshold(*before)


def test_a_stream_without_states_and_with_many_outputs(folder: Path) -> None:
    cell = load(folder / "cells.cell", "Broad")(I=3, H=5, seed=1)
    stream = cell.stream(batch=2)
    x = inputs_for(cell, 3)
    want, _ = cell(x)
    for t in range(3):
        for mine, whole in zip(stream(x[t]), want, strict=True):
            np.testing.assert_array_equal(mine, whole[t])


def test_one_cell_on_several_threads(two: Any) -> None:
    x = inputs_for(two, 40)
    want, _ = two(x)
    wrong: list[Any] = []

    def follow(seed: int) -> None:
        for _ in range(20):
            state = None
            for t in range(len(x)):
                y, state = two.step(x[t], state)
                if not (y.h == want.h[t]).all():
                    wrong.append((seed, t))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=follow, args=(seed,)) for seed in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong


def test_the_table_of_functions_is_found_where_numpy_keeps_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = direct._array_api()
    # NumPy 1.26: what is called `numpy._core` holds no table.
    stub, old = types.ModuleType("numpy._core.multiarray"), types.ModuleType("old")
    old._ARRAY_API = table  # type: ignore[attr-defined]
    found = {"numpy._core.multiarray": stub, "numpy.core.multiarray": old}
    monkeypatch.setattr(direct, "import_module", found.__getitem__)
    assert direct._array_api() is table
