"""`celldsl.torch.RNN` beside plain code and `nn.LSTM`: values, gradients, stacks, states."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl.runtime.threads.launch import PreparedCall

torch = pytest.importorskip("torch")
nn = torch.nn
F64: dict[str, Any] = {"dtype": torch.float64}


@pytest.fixture(scope="module")
def GRU() -> Any:
    return celldsl.load("gru")


@pytest.fixture(scope="module")
def LSTM() -> Any:
    return celldsl.load("lstm")


@pytest.fixture
def gru(GRU: Any) -> Any:
    torch.manual_seed(0)
    return celldsl.torch.RNN(GRU, I=3, H=5, **F64)


@pytest.fixture
def x() -> Any:
    torch.manual_seed(1)
    return torch.randn(7, 2, 3, **F64)


def results(layer: Any, *arguments: Any, **named: Any) -> list[Any]:
    """Outputs, states, and the gradients of parameters and of the first input."""
    layer.zero_grad()
    x = arguments[0].detach().clone().requires_grad_()
    y, state = layer(x, *arguments[1:], **named)
    (y.square().sum() + sum(each.sin().sum() for each in state)).backward()
    return [y, *state, x.grad, *(p.grad for p in layer.parameters())]


def as_plain(layer: Any) -> Any:
    other = copy.deepcopy(layer)
    other.form_wanted = "plain"
    return other


def assert_close(found: Any, wanted: Any) -> None:
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_both_forms_agree(gru: Any, x: Any) -> None:
    state = (torch.randn(1, 2, 5, **F64),)
    plain = as_plain(gru)
    assert gru.form(x) == "kernels"
    assert plain.form(x) == 'plain: form="plain" asks for it'
    resets = torch.rand(7, 2) < 0.3
    for named in ({}, {"lengths": torch.tensor([3, 7])}, {"resets": resets},
                  {"resets": resets, "lengths": torch.tensor([3, 7])}):  # fmt: skip
        assert_close(results(gru, x, **named), results(plain, x, **named))
        assert_close(results(gru, x, state, **named), results(plain, x, state, **named))


def test_it_computes_what_the_cell_does(GRU: Any, gru: Any, x: Any) -> None:
    cell = GRU(I=3, H=5, dtype="float64")
    cell.params.assign({n: p.detach().numpy() for n, p in gru.layers["0"].named_parameters()})
    y, state = cell(x.numpy())
    found, last = gru(x)
    np.testing.assert_array_equal(found.detach().numpy(), y)
    np.testing.assert_array_equal(last.h[0].detach().numpy(), state.h)
    assert type(last) is type(state)


def test_it_takes_the_place_of_a_stack_of_lstms(LSTM: Any, x: Any) -> None:
    """Two layers, two directions, packed sequences in any order, states in and out."""
    torch.manual_seed(0)
    theirs = nn.LSTM(3, 5, num_layers=2, bidirectional=True, batch_first=True, **F64)
    ours = celldsl.torch.RNN(
        LSTM, I=3, H=5, num_layers=2, bidirectional=True, batch_first=True, **F64
    )
    copy_lstm(theirs, ours)
    first = torch.randn(4, 2, 5, **F64), torch.randn(4, 2, 5, **F64)
    batch = x.transpose(0, 1)
    for given in (batch, packed(batch, [3, 7]), packed(batch, [7, 2])):
        for state in (None, first):
            (a, s), (b, (h, c)) = ours(given, state), theirs(given, state)
            if isinstance(a, nn.utils.rnn.PackedSequence):
                assert_close([a.data, s.h, s.c], [b.data, h, c])
                assert torch.equal(a.batch_sizes, b.batch_sizes)
                assert torch.equal(a.unsorted_indices, b.unsorted_indices)
            else:
                assert_close([a, s.h, s.c], [b, h, c])
    alone, last = ours(batch[0])
    wanted, (h, c) = theirs(batch[0])
    assert_close([alone, *last], [wanted, h, c])


def packed(batch: Any, lengths: list[int]) -> Any:
    pack = nn.utils.rnn.pack_padded_sequence
    return pack(batch, torch.tensor(lengths), batch_first=True, enforce_sorted=False)


def copy_lstm(theirs: Any, ours: Any) -> None:
    """The weights of an `nn.LSTM`, whose gates stand in the order i, f, g, o."""
    state = ours.state_dict()
    for layer in range(theirs.num_layers):
        for suffix in ("", "_reverse"):
            names = {"x": "weight_ih", "h": "weight_hh", "b": "bias_ih", "c": "bias_hh"}
            own = {k: getattr(theirs, f"{n}_l{layer}{suffix}") for k, n in names.items()}
            for place, gate in enumerate("ifgo"):
                cut = slice(5 * place, 5 * place + 5)
                here = f"layers.{layer}{suffix}.{gate}"
                state[f"{here}.W_x"].copy_(own["x"][cut].detach().T)
                state[f"{here}.W_h"].copy_(own["h"][cut].detach().T)
                state[f"{here}.b"].copy_((own["b"] + own["c"])[cut].detach())


def test_gradients_of_all_orders(gru: Any, x: Any) -> None:
    short = x[:3].clone().requires_grad_()
    start = torch.randn(1, 2, 5, **F64, requires_grad=True)
    leaves = (short, start, *gru.parameters())

    def run(x: Any, h: Any, *_: Any) -> tuple[Any, Any]:
        y, state = gru(x, (h,))
        return y, state.h

    assert torch.autograd.gradcheck(run, leaves)
    assert torch.autograd.gradgradcheck(run, (short, start))


def test_many_cotangents_at_once(gru: Any, x: Any) -> None:
    short, plain = x[:2, :1].clone(), as_plain(gru)

    def jacobian(layer: Any, **how: Any) -> Any:
        return torch.autograd.functional.jacobian(lambda x: layer(x)[0], short, **how)

    found = jacobian(gru, vectorize=True)
    assert not found.requires_grad
    torch.testing.assert_close(found, jacobian(plain))
    torch.testing.assert_close(jacobian(gru, vectorize=True, create_graph=True), found)


def test_copies_and_pickles(gru: Any, x: Any) -> None:
    y, _ = gru(x)
    for other in (copy.deepcopy(gru), pickle.loads(pickle.dumps(gru))):
        assert torch.equal(other(x)[0], y) and repr(other) == repr(gru)
    other.layers["0"].c.b.data.add_(1.0)
    assert not torch.equal(other(x)[0], y) and torch.equal(gru(x)[0], y)


def test_a_prepared_call_comes_back_where_another_thread_cleared_them(
    gru: Any, x: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one does that comes with a shape too many."""
    run_at = PreparedCall.run_at

    def run_and_clear(call: PreparedCall, addresses: Any) -> None:
        run_at(call, addresses)
        gru.layers["0"]._memo.packed.idle.clear()

    with torch.no_grad():
        wanted, _ = gru(x[:1])
        gru(x[:1])
        monkeypatch.setattr(PreparedCall, "run_at", run_and_clear)
        assert torch.equal(gru(x[:1])[0], wanted)
        assert sum(map(len, gru.layers["0"]._memo.packed.idle.values())) == 1


def second_gradients(layer: Any, given: Any, state: Any) -> Any:
    own = given.clone().requires_grad_()
    starts = [] if state is None else [each.detach().requires_grad_() for each in state]
    y, last = layer(own, None if state is None else type(state)(*starts))
    leaves = [own, *starts, *layer.parameters()]
    loss = y.square().sum() + last.h.sin().sum()
    first = torch.autograd.grad(loss, leaves, create_graph=True)
    return torch.autograd.grad(sum(each.square().sum() for each in first), leaves)


def test_gradients_of_gradients_of_states_by_name(gru: Any, GRU: Any, x: Any) -> None:
    """A layer's own tuple, as it is passed on from call to call, is the ordinary case."""
    step, plain = (celldsl.torch.Cell(GRU, I=3, H=5, form=f, **F64) for f in (None, "plain"))
    plain.load_state_dict(step.state_dict())
    for layer, other, given in ((gru, as_plain(gru), x[:3]), (step, plain, x[0])):
        for state in (None, layer(given)[1]):
            wanted = second_gradients(other, given, state)
            assert_close(second_gradients(layer, given, state), wanted)


def test_short_passes_are_the_same_in_any_way(gru: Any, GRU: Any, x: Any) -> None:
    """What is prepared for a shape is one caller's at a time, and sees all changes."""
    step = celldsl.torch.Cell(GRU, I=3, H=5, **F64)
    step.load_state_dict(gru.layers["0"].state_dict())
    with torch.no_grad():
        wanted, state = gru(x, lengths=torch.full((2,), 7))

        def walk(_: int) -> Any:
            last: Any = None
            rows = []
            for number, row in enumerate(x):
                if number % 2:
                    y, last = step(row, last)
                else:
                    mapped = None if last is None else last._make([last.h[None]])
                    y, last = gru(row[None], mapped)
                    y, last = y[0], last._make([last.h[0]])
                rows.append(y)
            return torch.stack(rows), last.h

        walk(0)
        with ThreadPoolExecutor(4) as pool:
            for rows, h in pool.map(walk, range(40)):
                torch.testing.assert_close(rows, wanted, rtol=1e-12, atol=1e-12)
                torch.testing.assert_close(h, state.h[0], rtol=1e-12, atol=1e-12)
        opposite = torch.complex(x[:1, :, :1], -x[:1, :, :1]).conj().imag.expand(1, 2, 3)
        same = opposite.clone()
        assert torch.equal(gru(opposite)[0], gru(same)[0])
        turned = torch._neg_view(-same)
        assert torch.equal(gru(turned)[0], gru(same)[0])
        step.c.b.data.add_(1.0)
        assert not torch.equal(step(x[0])[0], wanted[0])
    y, _ = gru(x[:1])
    assert y.requires_grad and not gru(x[:1])[0].is_inference()


@pytest.mark.parametrize("put", [(0,), (2, 2), (4, 11)])
def test_a_weight_of_another_shape_is_refused(gru: Any, x: Any, put: tuple[int, ...]) -> None:
    """Kernels would read past its end."""
    told = r"c.W_x: expected \(3, 5\), as the layer was built, got "
    short = x[:1]
    for given, options in ((short, {}), (x, {"lengths": torch.tensor([7, 2])})):
        own = copy.deepcopy(gru)
        with torch.no_grad():
            own(given, **options)
            own.layers["0"].c.W_x.data = torch.zeros(put, **F64)
            with pytest.raises(celldsl.ArgumentError, match=told):
                own(given, **options)


def test_a_group_that_is_put_in_by_name_is_seen(gru: Any, x: Any) -> None:
    layer, short = gru.layers["0"], x[:1]
    with torch.no_grad():
        before = gru(short)[0]
        other = copy.deepcopy(layer.c)
        other.b.add_(1.0)
        layer.add_module("c", other)
        after = gru(short)[0]
        assert not torch.equal(after, before)
        torch.testing.assert_close(after, gru(short, lengths=torch.ones(2, dtype=torch.int64))[0])


def test_a_call_comes_back_to_a_table_that_was_cleared(
    gru: Any, x: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another thread clears it where there are many shapes."""
    with torch.no_grad():
        wanted = gru(x[:1])[0]
        assert torch.equal(gru(x[:1])[0], wanted)
        packed, run_at = gru.layers["0"]._memo.packed, PreparedCall.run_at

        def run_and_clear(call: Any, addresses: Any) -> None:
            run_at(call, addresses)
            packed.idle.clear()

        monkeypatch.setattr(PreparedCall, "run_at", run_and_clear)
        assert torch.equal(gru(x[:1])[0], wanted)
        assert [*map(len, packed.idle.values())] == [1]
