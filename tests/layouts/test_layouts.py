"""Weights of other libraries: the same outputs, there and back, and what messages say."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from celldsl import ArgumentError, WeightsError, WeightsWarning, compile_source, load
from celldsl.layouts.table import layout, layout_names
from celldsl.zoo_index import read_index
from tests.zoo.runs import DATA

I, H, T, B = 3, 5, 6, 4  # noqa: E741
DRAW = np.random.default_rng(7)
X = DRAW.normal(size=(T, B, I))

MINE = """
cell Mine[I, H]:
    input x: [I]
    state h: [H]
    a = linear([x, h], 2*H)
    update, reset = split(sigmoid(a), 2)
    inner = linear(h, H)
    new = tanh(linear(x, H) + reset * inner)
    h' = (1 - update) * new + update * h
    output h'
"""


@pytest.fixture(autouse=True)
def joined_biases_are_known() -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(PyTorch|ONNX|torchrecurrent) has two biases")
        yield


def built(name: str, **settings: Any) -> Any:
    return load(name)(I=I, H=H, dtype="float64", seed=3, **settings)


def drawn(cell: Any) -> Any:
    """The cell with every parameter drawn."""
    values = {n: DRAW.normal(size=a.shape) * 0.4 for n, a in cell.params.items()}
    cell.params.assign({n: a.astype(cell.params.dtype) for n, a in values.items()})
    return cell


EVERY = [
    (library, module.name)
    for library in layout_names()
    for module in layout(library).modules.values()
]


@pytest.mark.parametrize(("library", "module"), EVERY)
def test_there_and_back_bit_for_bit(library: str, module: str) -> None:
    table = layout(library).modules[module]
    sizes = {"P": 2} if table.cell in ("projected_lstm", "clipped_lstm") else {}
    cell = drawn(built(table.cell, **sizes, **table.settings))
    if library == "flax_nnx" and "m" in table.gates:
        cell.params["a.b"] = np.zeros(H)  # which it has no bias for
    if table.offsets:
        for array in cell.params.values():
            array[...] = np.round(array * 1024) / 1024  # 1 + b - 1 is b again
    arrays = cell.to(library, module=module)
    other = drawn(built(table.cell, **sizes, **table.settings))
    other.load_from(arrays, library, module=module)
    for name, array in cell.params.items():
        np.testing.assert_array_equal(other.params[name], array)


def test_every_cell_of_a_table_comes_along() -> None:
    cells = read_index().cells
    assert {layout(each).modules[m].cell for each, m in EVERY} <= cells.keys()


@pytest.mark.parametrize(
    ("kind", "name", "given", "settings"),
    [
        ("LSTM", "lstm", {}, {}),
        ("LSTM", "packed_lstm", {}, {"forget_bias": 0.0}),
        ("LSTM", "projected_lstm", {"proj_size": 2}, {"P": 2}),
        ("GRU", "cudnn_gru", {}, {}),
        ("RNN", "rnn", {}, {}),
        ("RNN", "rnn", {"nonlinearity": "relu", "bias": False}, {"activation": "relu"}),
    ],
)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.filterwarnings("ignore:RNN computes something else")
def test_torch(kind: str, name: str, given: Any, settings: Any, reverse: bool) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    torch.manual_seed(0)
    module = getattr(torch.nn, kind)(I, H, bidirectional=True, dtype=torch.float64, **given)
    cell = built(name, **settings)
    cell.load_from(torch.nn.ModuleDict({"encoder": module}).state_dict(), "torch", reverse=reverse)
    y = cell(X, reverse=reverse)[0]
    width = y.shape[-1]
    expected = module(torch.from_numpy(X))[0].detach().numpy()
    half = expected[..., width:] if reverse else expected[..., :width]
    np.testing.assert_allclose(y, half, rtol=0, atol=1e-12)
    if not given.get("bias", True):
        return
    back = {n: torch.from_numpy(a) for n, a in cell.to("torch", reverse=reverse).items()}
    state = module.state_dict()
    assert {n: a.shape for n, a in back.items()} == {n: state[n].shape for n in back}
    module.load_state_dict({**state, **back})
    again = module(torch.from_numpy(X))[0].detach().numpy()
    np.testing.assert_allclose(again, expected, rtol=0, atol=1e-12)


def test_layers_and_directions_that_nobody_chose_are_said() -> None:
    gates = {"weight_ih": (3 * H, H), "weight_hh": (3 * H, H)}
    arrays = {f"{name}_l{end}": DRAW.normal(size=shape).astype(np.float32)
              for name, shape in gates.items() for end in ("0", "1", "0_reverse")}  # fmt: skip
    cell = load("cudnn_gru")(I=H, H=H)
    told = r"several layers, of which layer 0 was taken .* and two directions, .* forward"
    with pytest.warns(WeightsWarning, match=told):
        cell.load_from(arrays, "torch")
    cell.load_from(arrays, "torch", layer=0, reverse=False)
    weights = {"W": (2, 3 * H, H), "R": (2, 3 * H, H), "B": (2, 6 * H)}
    arrays = {name: np.zeros(shape, np.float32) for name, shape in weights.items()}
    with pytest.warns(WeightsWarning, match="GRU has two directions"):
        load("gru")(I=H, H=H).load_from(arrays, "onnx")


def test_a_layer_of_several(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    module = torch.nn.GRU(H, H, num_layers=2, dtype=torch.float64)
    cell = load("cudnn_gru")(I=H, H=H, dtype="float64")
    cell.load_from(module, "torch", layer=1)
    state = module.state_dict()
    np.testing.assert_array_equal(cell.params["n.W_x"].T, state["weight_ih_l1"][2 * H :])
    np.savez(tmp_path / "gru.npz", **{n: a.numpy() for n, a in state.items()})
    other = load("cudnn_gru")(I=H, H=H, dtype="float64")
    other.load_from(tmp_path / "gru.npz", "torch", layer=1)
    np.testing.assert_array_equal(other.params.flat, cell.params.flat)


@pytest.mark.parametrize(("kind", "name"), [("LSTMCell", "lstm"), ("GRUCell", "cudnn_gru")])
def test_equinox(kind: str, name: str) -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    equinox = pytest.importorskip("equinox", reason="Equinox is not installed")
    module = getattr(equinox.nn, kind)(I, H, key=jax.random.key(0))
    cell = load(name)(I=I, H=H)
    cell.load_from(module, "equinox")
    x = X[0, 0].astype(np.float32)
    zeros = np.zeros(H, np.float32)
    found = module(x, (zeros, zeros) if kind == "LSTMCell" else zeros)
    y, _ = cell.step(x[None])
    np.testing.assert_allclose(y[0], found[0] if kind == "LSTMCell" else found, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("LSTMCell", "lstm"), ("GRUCell", "cudnn_gru"), ("MGUCell", "flax_mgu")],
)
def test_flax_linen(kind: str, name: str) -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    linen = pytest.importorskip("flax.linen", reason="Flax is not installed")
    module, x = getattr(linen, kind)(features=H), X[0].astype(np.float32)
    carry = module.initialize_carry(jax.random.key(0), x.shape)
    weights = module.init(jax.random.key(1), carry, x)
    weights = jax.tree.map(
        lambda a: a + 0.1 * DRAW.normal(size=a.shape).astype(np.float32), weights
    )
    cell = load(name)(I=I, H=H)
    cell.load_from(weights, "flax_linen")
    found = module.apply(weights, carry, x)[1]
    np.testing.assert_allclose(cell.step(x)[0], found, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("LSTMCell", "lstm"), ("OptimizedLSTMCell", "lstm"), ("GRUCell", "cudnn_gru")],
)
def test_flax_nnx(kind: str, name: str) -> None:
    nnx = pytest.importorskip("flax.nnx", reason="Flax is not installed")
    rngs, x = nnx.Rngs(0), X[0].astype(np.float32)
    module = getattr(nnx, kind)(I, H, rngs=rngs)
    cell = load(name)(I=I, H=H)
    cell.load_from(nnx.to_pure_dict(nnx.state(module)), "flax_nnx")
    found = module(module.initialize_carry(x.shape, rngs), x)[1]
    np.testing.assert_allclose(cell.step(x)[0], found, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("kind", "name"), [("LSTM", "lstm"), ("GRU", "chung_gru")])
def test_haiku(kind: str, name: str) -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    haiku = pytest.importorskip("haiku", reason="Haiku is not installed")
    x = X[0].astype(np.float32)

    def run(x: Any) -> Any:
        module = getattr(haiku, kind)(H)
        return module(x, module.initial_state(len(x)))[0]

    pure = haiku.without_apply_rng(haiku.transform(run))
    weights = pure.init(jax.random.key(0), x)
    weights = jax.tree.map(
        lambda a: a + 0.1 * DRAW.normal(size=a.shape).astype(np.float32), weights
    )
    cell = load(name)(I=I, H=H)
    cell.load_from(weights, "haiku")
    np.testing.assert_allclose(cell.step(x)[0], pure.apply(weights, x), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "name", "options"),
    [
        ("LSTM", "lstm", {}),
        ("GRU", "cudnn_gru", {}),
        ("GRU", "gru", {"reset_after": False}),
        ("SimpleRNN", "rnn", {}),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_keras(
    kind: str, name: str, options: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    pytest.importorskip("h5py", reason="h5py is not installed")
    layer = getattr(keras.layers, kind)(H, return_sequences=True, **options)
    model = keras.Sequential([keras.Input((T, I)), layer])
    layer.set_weights([w + 0.1 * DRAW.normal(size=w.shape) for w in layer.get_weights()])
    model.save(tmp_path / "model.keras")
    cell = load(name)(I=I, H=H)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Keras has two biases")
        cell.load_from(tmp_path / "model.keras", "keras")
    x = X.astype(np.float32)
    found = np.asarray(model(x.swapaxes(0, 1))).swapaxes(0, 1)
    np.testing.assert_allclose(cell(x)[0], found, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("operator", "name", "attributes"),
    [
        ("LSTM", "lstm", {}),
        ("GRU", "gru", {}),
        ("GRU", "cudnn_gru", {"linear_before_reset": 1}),
        ("RNN", "rnn", {}),
        ("LSTM", "peephole_lstm", {}),
    ],
)
def test_onnx(operator: str, name: str, attributes: Any) -> None:
    onnx = pytest.importorskip("onnx", reason="onnx cannot be imported", exc_type=Exception)
    runtime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    cell = load(name)(I=I, H=H)
    drawn(cell)
    arrays = cell.to("onnx")
    helper = onnx.helper
    names = ["X", "W", "R", "B", *(["", "", "", "P"] if "P" in arrays else [])]
    node = helper.make_node(operator, names, ["Y"], hidden_size=H, **attributes)
    graph = helper.make_graph(
        [node], "one",
        [helper.make_tensor_value_info("X", 1, [T, B, I])],
        [helper.make_tensor_value_info("Y", 1, [T, 1, B, H])],
        [onnx.numpy_helper.from_array(a, n) for n, a in arrays.items()],
    )  # fmt: skip
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    session = runtime.InferenceSession(model.SerializeToString())
    x = X.astype(np.float32)
    np.testing.assert_allclose(cell(x)[0], session.run(None, {"X": x})[0][:, 0], rtol=0, atol=1e-6)
    again = load(name)(I=I, H=H)
    again.load_from({n: onnx.numpy_helper.to_array(a) for n, a in named(graph).items()}, "onnx")
    np.testing.assert_array_equal(again.params.flat, cell.params.flat)


def named(graph: Any) -> dict[str, Any]:
    return {tensor.name: tensor for tensor in graph.initializer}


KERNEL = {"kernel": "K", "bias": "b"}
PROJECTIONS = {"input_projection/kernel": "Kx", "input_projection/bias": "bx",
               "hidden_projection/kernel": "Kh", "hidden_projection/bias": "bh"}  # fmt: skip
GATES = {"gates/kernel": "Kg", "gates/bias": "bg"}
PEEPS = {"w_i_diag": "pi", "w_f_diag": "pf", "w_o_diag": "po", "projection/kernel": "P"}
CHECKPOINTS: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "tf.basicrnn": ("rnn", KERNEL, {}),
    "tf.gru": ("gru", {**GATES, "candidate/kernel": "Kc", "candidate/bias": "bc"}, {}),
    "tf.cudnngru": (
        "cudnn_gru", {**GATES, **{f"candidate/{n}": k for n, k in PROJECTIONS.items()}}, {}
    ),
    "tf.basiclstm": ("lstm", KERNEL, {}),
    "tf.lstm": ("clipped_lstm", {**KERNEL, **PEEPS}, {"cell_clip": "cc", "proj_clip": "pc"}),
}  # fmt: skip
RECURRENT = sorted(layout("torchrecurrent").modules)


@pytest.mark.parametrize("kind", RECURRENT)
def test_torchrecurrent(kind: str) -> None:
    """A trained layer of two has the same outputs here, and takes its weights back."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    library = pytest.importorskip("torchrecurrent", reason="torchrecurrent is not installed")
    table = layout("torchrecurrent").modules[kind]
    module = getattr(library, kind)(I, H, num_layers=2, dtype=torch.float64)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.from_numpy(0.4 * DRAW.normal(size=parameter.shape)))
    y = X
    for number, cell in enumerate(
        load(table.cell)(I=width, H=H, dtype="float64", **table.settings) for width in (I, H)
    ):
        cell.load_from(module, "torchrecurrent", layer=number)
        y = cell(y)[0]
        back = cell.to("torchrecurrent", layer=number)
        state = {n: torch.from_numpy(np.asarray(a)) for n, a in back.items()}
        module.load_state_dict(state, strict=False)
        assert state.keys() <= module.state_dict().keys()
    again = module(torch.from_numpy(X))[0].detach().numpy()
    np.testing.assert_allclose(y, again, rtol=0, atol=1e-12)


def two_gates() -> dict[str, np.ndarray]:
    """Arrays that torchrecurrent's UGRNN, MGU and LiGRU all have, of these shapes."""
    shapes = {"weight_ih": (2 * H, I), "weight_hh": (2 * H, H), "bias_ih": (2 * H,)}
    return {f"cells.0.{name}": DRAW.normal(size=shape) for name, shape in shapes.items()}


@pytest.mark.parametrize(("name", "order"), [("ligru", "zn"), ("ugrnn", "ng"), ("mgu", "fn")])
def test_gates_that_are_called_alike_come_in_the_order_of_the_cell_itself(
    name: str, order: str
) -> None:
    arrays = two_gates()
    settings = {"forget_bias": 0.0} if name == "ugrnn" else {}
    cell = load(name)(I=I, H=H, dtype="float64", **settings)
    cell.load_from(arrays, "torchrecurrent")
    for place, gate in enumerate(order):
        wanted = arrays["cells.0.weight_ih"][place * H : (place + 1) * H].T
        assert np.array_equal(cell.params[f"{gate}.W_x"], wanted)
    back = cell.to("torchrecurrent")
    assert all(np.array_equal(back[key], array) for key, array in arrays.items())


def test_a_layer_says_itself_which_one_it_is() -> None:
    # As torchrecurrent's class, whose arrays another one has too.
    state = {"state_dict": lambda self: two_gates(), "__module__": "torchrecurrent.layers"}
    layer = type("LiGRU", (), state)()
    load("ligru")(I=I, H=H, dtype="float64").load_from(layer, "torchrecurrent")
    cell = load("ugrnn")(I=I, H=H, dtype="float64", forget_bias=0.0)
    with pytest.raises(WeightsError, match=r"do not fit torchrecurrent's LiGRU .*`ligru`"):
        cell.load_from(layer, "torchrecurrent")


def test_a_cell_that_does_not_fit_is_told_the_nearest_ones_gates() -> None:
    cell = load("gru")(I=I, H=H)
    with pytest.raises(WeightsError, match=r"PyTorch's GRU .*`cudnn_gru`.*gates=\{\"[rzn]\""):
        cell.to("torch")


def test_a_cell_of_ones_own_says_which_gates_are_which() -> None:
    cell = drawn(built("cudnn_gru"))
    mine = compile_source(MINE)(I=I, H=H, dtype="float64")
    own = {"z": "update", "r": "reset", "n": "new", "m": "inner"}
    mine.load_from(cell.to("torch"), "torch", gates=own)
    np.testing.assert_allclose(mine(X)[0], cell(X)[0], rtol=0, atol=1e-12)
    for name, array in mine.to("keras", gates=own).items():
        np.testing.assert_array_equal(array, cell.to("keras")[name])


@pytest.mark.parametrize(
    "name", ["tf.basicrnn", "tf.gru", "tf.cudnngru", "tf.basiclstm", "tf.lstm"]
)
def test_tensorflow(name: str) -> None:
    """What TensorFlow 1.15 computed, by arrays that are called as in its checkpoints."""
    run = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    P = {key: np.array(value) for key, value in run["P"].items()}
    file, names, settings = CHECKPOINTS[name]
    arrays = {f"rnn/cell/{theirs}": P[key].T for theirs, key in names.items()}
    sizes = {"I": len(run["X"][0]["x"]), "H": len(run["s0"].get("c", run["s0"]["h"]))}
    settings = {ours: float(P[theirs]) for ours, theirs in settings.items()}
    if name == "tf.lstm":
        settings |= {"forget_bias": 0.0, "P": len(run["s0"]["h"])}
    cell = load(file)(**sizes, **settings, dtype="float64")
    cell.load_from(arrays, "tensorflow")
    state = cell.state(1)._replace(**{n: np.array([v]) for n, v in run["s0"].items()})
    for given, step in zip(run["X"], run["steps"], strict=True):
        y, state = cell.step(np.array([given["x"]]), state)
        np.testing.assert_allclose(y[0], step["out"], rtol=0, atol=1e-6)


PEEPING = """
cell Peeping[I, H]:
    input frame: [I]
    state memory, short: [H]
    param keep, take, show: [H] = zeros
    seen = 2 * frame
    keep_gate, take_gate, new, show_gate = split(linear([seen, short], 4*H), 4)
    kept = sigmoid(keep_gate + keep * memory) * memory
    memory' = kept + sigmoid(take_gate + take * memory) * tanh(new)
    short' = sigmoid(show_gate + show * memory') * tanh(memory')
    output short'
"""


def test_vectors_and_sources_of_other_names() -> None:
    mine = drawn(compile_source(PEEPING)(I=I, H=H, dtype="float64"))
    own = {
        "i": "take_gate", "f": "keep_gate", "g": "new", "o": "show_gate",
        "p_i": "take", "p_f": "keep", "p_o": "show", "x": "seen", "h": "short",
    }  # fmt: skip
    with pytest.warns(WeightsWarning, match="Peeping computes something else"):  # 2 * frame
        arrays = mine.to("onnx", gates=own)
    np.testing.assert_array_equal(
        arrays["P"], [np.concatenate([mine.params[n] for n in ("take", "show", "keep")])]
    )
    peephole = built("peephole_lstm")
    peephole.load_from(arrays, "onnx")
    np.testing.assert_allclose(peephole(2 * X)[0], mine(X)[0], rtol=0, atol=1e-12)
    with pytest.raises(ArgumentError, match=r"Peeping has no weights of 'shor'.*'short'"):
        mine.to("onnx", gates={**own, "h": "shor"})


def test_peepholes_are_not_left_out_in_silence() -> None:
    arrays = drawn(built("peephole_lstm")).to("onnx")
    with pytest.raises(WeightsError, match=r"LSTM has no P.*here that is `peephole_lstm`"):
        built("lstm").load_from(arrays, "onnx")
    cell, without = built("peephole_lstm"), drawn(built("lstm")).to("onnx")
    with pytest.warns(WeightsWarning, match="no P there: p_i, p_o, p_f are zeros"):
        cell.load_from(without, "onnx")
    assert not np.any(cell.params["p_i"])


def test_two_biases_are_one_and_it_is_said() -> None:
    cell = built("lstm")
    arrays = {n: DRAW.normal(size=np.shape(a)) for n, a in cell.to("torch").items()}
    with pytest.warns(WeightsWarning, match="two biases for f, g, i, o and LSTM has one"):
        cell.load_from(arrays, "torch")
    back = cell.to("torch")
    both = arrays["bias_ih_l0"] + arrays["bias_hh_l0"]
    np.testing.assert_array_equal(back["bias_ih_l0"], both)
    assert not np.any(back["bias_hh_l0"])


def test_weights_that_fit_and_mean_something_else() -> None:
    arrays = drawn(built("gru")).to("keras")
    with pytest.warns(WeightsWarning, match="ChungGRU computes something else than Keras's GRU"):
        built("chung_gru").load_from(arrays, "keras")


@pytest.mark.parametrize("prefix", ["rnn/cell/", "rnn/cell", "rnn.cell.", "rnn.cell"])
def test_a_prefix_as_its_library_writes_it(prefix: str) -> None:
    wanted = drawn(built("lstm")).to("keras")
    arrays = {f"{p}/{n}": a for p in ("rnn/cell", "other/cell") for n, a in wanted.items()}
    cell = built("lstm")
    cell.load_from(arrays, "keras", prefix=prefix)
    for name, array in cell.to("keras").items():
        np.testing.assert_array_equal(array, wanted[name])


def mistakes() -> list[tuple[str, str, Any, str]]:
    arrays = {n: np.zeros(np.shape(a)) for n, a in built("lstm").to("torch").items()}
    wide = {**arrays, "weight_hh_l0": np.zeros((20, 7))}
    short = {n: a for n, a in arrays.items() if n != "weight_hh_l0"}
    two = {f"{p}.{n}": a for p in ("encoder", "decoder") for n, a in arrays.items()}
    whole = {n: np.zeros(a.shape, int) for n, a in arrays.items()}
    return [
        ("lstm", "torhc", arrays, "layout: there is none called 'torhc'; did you mean 'torch'"),
        ("lstm", "torch", wide, r"weight_hh_l0: expected \(20 \(i f g o\), 5 \(h\)\).*\(20, 7\)"),
        ("lstm", "torch", short, "expected weight_ih_l0, weight_hh_l0"),
        ("lstm", "torch", two, "`prefix=` says which of 'encoder.', 'decoder.'"),
        ("lstm", "torch", whole, "weight_ih_l0: int64 does not fit into this cell's float64"),
        (
            "lstm",
            "torch",
            "model.pt",
            r"can hold code.*torch.load\('model.pt', weights_only=True\)",
        ),
        ("lstm", "torch", 3, "source: expected a mapping of names to arrays"),
        (
            "gru",
            "torch",
            arrays,
            "GRU .its n has weights of x, c here weights of x and h; here that",
        ),
        ("peephole_lstm", "torch", arrays, "it has no p_i, p_f, p_o"),
    ]


@pytest.mark.parametrize(("name", "library", "source", "told"), mistakes())
def test_messages(name: str, library: str, source: Any, told: str) -> None:
    cell = built(name)
    before = cell.params.copy()
    with pytest.raises((ArgumentError, WeightsError), match=told):
        cell.load_from(source, library)
    np.testing.assert_array_equal(cell.params.flat, before.flat)


def test_gates_that_are_not_there() -> None:
    cell = built("gru")
    with pytest.raises(ArgumentError, match="PyTorch has no gate 'zz'; did you mean 'z'"):
        cell.to("torch", gates={"zz": "u"})
    with pytest.raises(
        ArgumentError, match="GRU has no linear equation for 'uu'; did you mean 'u'"
    ):
        cell.to("torch", gates={"z": "uu"})


def test_a_bias_that_the_library_has_not() -> None:
    with pytest.raises(WeightsError, match=r"GRUCell has no bias for m.*a\.b is not zero"):
        drawn(built("cudnn_gru")).to("flax_nnx")


def test_a_file_of_the_same_name_is_not_taken_for_the_cell_that_comes_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lstm.cell").write_text("cell LSTM[H]:\n    input x: [H]\n\n    output x\n")
    cell = built("lstm", forget_bias=0.25)  # no cell of another test, which is known already
    monkeypatch.chdir(tmp_path)
    cell.load_from(cell.to("torch"), "torch")
