"""Layers of cells with inputs of integers, of truth values, and that last a sequence."""

from __future__ import annotations

from typing import Any

import pytest

import celldsl
from celldsl.runtime.errors import ArgumentError, ArgumentTypeError
from tests.cells import example
from tests.conditioned import SOURCE

torch = pytest.importorskip("torch")

T, B, SIZES = 4, 3, {"I": 4, "K": 3, "C": 2, "H": 4}
Tensors = dict[str, Any]


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("cells") / "conditioned.cell"
    path.write_text(SOURCE, encoding="utf-8")
    return celldsl.load(path)


@pytest.fixture
def given() -> Tensors:
    torch.manual_seed(0)
    return {
        "x": torch.randn(T, B, 4, dtype=torch.float64),
        "on": torch.rand(T, B) < 0.7,
        "kind": torch.tensor([2, 0, 1], dtype=torch.int32),
        "ctx": torch.randn(B, 2, dtype=torch.float64),
    }


def layer_of(cell: Any, seed: int = 1, **settings: Any) -> Any:
    torch.manual_seed(seed)
    return celldsl.torch.RNN(cell, **SIZES, dtype=torch.float64, **settings)


def changed(given: Tensors, **others: Any) -> Tensors:
    return {**given, **others}


def row(given: Tensors, number: int) -> Tensors:
    """One sequence of a batch, without an axis for it."""
    return {n: v[number] if n in ("kind", "ctx") else v[:, number] for n, v in given.items()}


@pytest.mark.parametrize("settings", [{}, {"num_layers": 2, "bidirectional": True}])
def test_both_forms_agree_and_context_has_a_gradient(
    cell: Any, given: Tensors, settings: Any
) -> None:
    found = []
    for form in ("kernels", "plain"):
        layer = layer_of(cell, form=form, **settings)
        ctx = given["ctx"].clone().requires_grad_()
        y, state = layer(changed(given, ctx=ctx), lengths=torch.tensor([4, 0, 2]))
        (y.square().sum() + state.h.sum()).backward()
        found.append((y.detach(), ctx.grad, *(p.grad for p in layer.parameters())))
    for mine, theirs in zip(*found, strict=True):
        assert torch.allclose(mine, theirs, rtol=0, atol=1e-10)
    assert found[0][1].abs().sum() > 0


def test_gradients_of_what_lasts_a_sequence_are_right(cell: Any, given: Tensors) -> None:
    layer = layer_of(cell)
    ctx = given["ctx"].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda c: layer(changed(given, ctx=c))[0], (ctx,))
    assert torch.autograd.gradgradcheck(lambda c: layer(changed(given, ctx=c))[0], (ctx,))


def test_a_sequence_alone_is_that_of_the_batch(cell: Any, given: Tensors) -> None:
    layer = layer_of(cell)
    whole, last = layer(given)
    for number in range(B):
        y, state = layer(row(given, number))
        assert torch.allclose(y, whole[:, number])
        assert torch.allclose(state.h[0], last.h[0, number])


def test_batch_first_turns_what_has_steps(cell: Any, given: Tensors) -> None:
    turned = changed(given, x=given["x"].transpose(0, 1), on=given["on"].T)
    y, _ = layer_of(cell, batch_first=True)(turned)
    assert torch.allclose(y.transpose(0, 1), layer_of(cell)(given)[0])


def test_packed_sequences_go_with_tensors_for_each_sequence(cell: Any, given: Tensors) -> None:
    pack, lengths = torch.nn.utils.rnn.pack_padded_sequence, torch.tensor([2, 4, 3])
    packed = {n: pack(given[n], lengths, enforce_sorted=False) for n in ("x", "on")}
    layer = layer_of(cell)
    y, state = layer(changed(given, **packed))
    wanted, last = layer(given, lengths=lengths)
    found, _ = torch.nn.utils.rnn.pad_packed_sequence(y)
    assert torch.allclose(found, wanted)
    assert torch.allclose(state.h, last.h)
    with pytest.raises(ArgumentTypeError, match=r"ctx: .*pass a tensor \(B, …\)"):
        layer(changed(given, **packed, ctx=packed["x"]))
    with pytest.raises(ArgumentTypeError, match=r"on: .*PackedSequence or none"):
        layer(changed(given, x=packed["x"]))


def test_a_step_takes_them_too(cell: Any, given: Tensors) -> None:
    torch.manual_seed(1)
    step = celldsl.torch.Cell(cell, **SIZES, dtype=torch.float64)
    wanted, _ = layer_of(cell)(given)
    state = step.initial_state(B)
    for t in range(T):
        y, state = step(changed(given, x=given["x"][t], on=given["on"][t]), state)
        assert torch.allclose(y, wanted[t])
    y, _ = step({n: v[0] for n, v in changed(given, x=given["x"][0], on=given["on"][0]).items()})
    assert torch.allclose(y, wanted[0, 0])


def test_transforms_take_them(cell: Any, given: Tensors) -> None:
    layer = layer_of(cell)
    kinds = torch.stack([given["kind"], (given["kind"] + 1) % 3])
    for form in (None, "plain"):
        layer.form_wanted = form
        found = torch.vmap(lambda k: layer(changed(given, kind=k))[0])(kinds)
        assert torch.allclose(found[1], layer(changed(given, kind=kinds[1]))[0])
    layer.form_wanted = None
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    assert torch.allclose(compiled(given)[0], layer(given)[0])


def test_errors_come_first(cell: Any, given: Tensors) -> None:
    layer = layer_of(cell)
    with pytest.raises(ArgumentTypeError, match=r"on: expected truth values, .*pass on != 0"):
        layer(changed(given, on=given["on"].double()))
    with pytest.raises(ArgumentTypeError, match=r"kind: expected integers, .*pass kind.long\(\)"):
        layer(changed(given, kind=given["kind"].double()))
    rows = torch.eye(3, dtype=torch.float64)[given["kind"]]
    for wrong in (rows, rows.long()):
        with pytest.raises(ArgumentTypeError, match=r"one-hot; pass kind.argmax\(-1\)"):
            layer(changed(given, kind=wrong))
    with pytest.raises(ArgumentError, match=r"kind: .*from 0 to 2, but kind\[0\] is 3"):
        layer(changed(given, kind=given["kind"] + 1))
    with pytest.raises(ArgumentError, match=r"ctx: expected \(B=3, C=2\), got \(4, 3, 2\)"):
        layer(changed(given, ctx=given["ctx"].expand(T, B, 2)))


def test_what_all_layers_have_in_common_is_the_first_ones(cell: Any) -> None:
    other = celldsl.load(example("gru"))
    with pytest.raises(ArgumentError, match=r"layer 1 has the input on: bool.*GRU, the first"):
        celldsl.torch.RNN([other(I=4, H=4), cell(**SIZES)])


@pytest.mark.parametrize("name", ["resets", "states", "names"])
def test_an_input_that_a_keyword_hides_goes_in_by_a_mapping(name: str) -> None:
    text = f"""cell A[I, H]:
    input x, {name}: [I]
    state h: [H]
    h' = tanh(linear([x, {name}, h], H))
    output h'
"""
    layer = celldsl.torch.RNN(celldsl.compile_source(text), I=2, H=3)
    x = torch.ones(T, B, 2)
    wanted, _ = layer((x, 2 * x))
    assert torch.equal(layer({"x": x, name: 2 * x})[0], wanted)
    run = layer.trace if name == "names" else layer
    for inputs in ((), (x,)):
        named = {name: x} if inputs else {"x": x, name: x}
        with pytest.raises(ArgumentTypeError, match=f"{name}: no array .* in a mapping"):
            run(*inputs, **named)
