"""The cells of TensorFlow's contrib and of Haste.  In: their parameters.  Out: ours."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.zoo.weights.packing import cut, gated, joint, linear, named
from tests.zoo.weights.row import Arrays, Row

FB = {"forget_bias": "fb"}


def one_kernel(letters: str, **names: str) -> Row:
    """A cell of one kernel over x and h, with an equation for each letter."""
    return Row(lambda P: named(joint(P["K"], P["b"], letters), **names), FB)


def intersection(P: Arrays) -> Arrays:
    return named(joint(P["K"], P["b"], "gnym", inputs=4), g="g_h", y="g_y")


def minimal(P: Arrays) -> Arrays:
    """The library's z has no bias; its kernel is over z and h."""
    z, h = P["Kg"][:, :4], P["Kg"][:, 4:]
    return {**linear("z", np.zeros(4), x=P["Wx"]), **linear("u", P["b"], h=h, z=z)}


def chaos_free(P: Arrays) -> Arrays:
    """The library multiplies the candidate by 1 - eta."""
    V, U, b = cut(P["V"], "te"), cut(P["U"], "te"), cut(P["b"], "te")
    return {
        **linear("theta", b["t"], x=V["t"], h=U["t"]),
        **linear("eta", -b["e"], x=-V["e"], h=-U["e"]),
        **linear("n", np.zeros(4), x=P["Wc"]),
    }


def eight_units(P: Arrays) -> Arrays:
    x, m = ("_".join(f"{letter}{k}" for k in range(8)) for letter in "xm")
    return {**linear(x, x=P["W"]), **linear(m, P["b"] + P.get("d", 0.0), h=P["U"])}


def independent_gru(P: Arrays) -> Arrays:
    W, b, u = cut(P["Wg"], "rz"), cut(P["bg"], "rz"), cut(P["ug"], "rz")
    found = {**linear("n", P["bc"], x=P["Wc"]), "u_n": P["uc"]}
    for letter in "rz":
        found |= {**linear(letter, b[letter], x=W[letter]), f"u_{letter}": u[letter]}
    return found


def independent_lstm(P: Arrays) -> Arrays:
    u = {f"u_{letter}": piece for letter, piece in cut(P["u"], "ijfo").items()}
    return {**gated(P, "ijfo", ""), **u}


def weight_normed(P: Arrays) -> Arrays:
    lengths = {"g_x": P["g0"][:, 0], "g_h": P["g1"][:, 0]}
    return {"V_x": P["Wx"].T, "V_h": P["Wh"].T, "b": P["b"], **lengths}


def convolved(P: Arrays) -> Arrays:
    """The library's kernel is (place, in, out) over the channels of x and h."""
    kernel, found = P["K"].transpose(2, 1, 0), {}
    for letter, K in cut(kernel, "ijfo").items():
        x, h = K[:, :2], K[:, 2:]
        found |= {f"{letter}.W_x": x, f"{letter}.W_h": h}
    return {**found, **{f"{k}.b": b for k, b in cut(P["b"], "ijfo").items()}}


def in_a_plane(P: Arrays) -> Arrays:
    """A line is a plane of one row: the rows of the kernel above and below it see nothing."""
    found = convolved(P)
    kernels = {k: np.stack([0 * W, W, 0 * W], axis=2) for k, W in found.items() if "W" in k}
    return {**found, **kernels}


def one_row(arrays: Arrays) -> Arrays:
    return {name: value.T[:, None] for name, value in arrays.items()}


def convolved_apart(order: str) -> Any:
    """Kernels (row, column, in, out) for x and for h, gates packed; one bias or two."""

    def weights(P: Arrays) -> Arrays:
        W, U = (cut(P[name].transpose(3, 2, 0, 1), order) for name in "WU")
        b = cut(P["b"] + P.get("d", 0.0), order)
        found = {}
        for k in order:
            found |= {f"{k}.W_x": W[k], f"{k}.W_h": U[k], f"{k}.b": b[k]}
        return found

    return weights


def channels_first(arrays: Arrays) -> Arrays:
    return {name: np.moveaxis(value, -1, 0) for name, value in arrays.items()}


def channels_last(y: Any) -> Any:
    return np.moveaxis(y, 0, -1)


def transposed(arrays: Arrays) -> Arrays:
    """Channels come last in TensorFlow."""
    return {name: value.T for name, value in arrays.items()}


def time_and_frequency(P: Arrays) -> Arrays:
    K = P["K"].T
    return {"W_x": K[:2], "W_t": K[2:6], "W_f": K[6:], "b": P["b"]}


def by_windows(states: Arrays) -> Arrays:
    """The library has c and m of each window after one another."""
    c_m = states["S"].reshape(3, 2, 4)
    return {"c": c_m[:, 0], "m": c_m[:, 1]}


def attending(P: Arrays) -> Arrays:
    inner = {f"inner.{key}": value for key, value in joint(P["Kc"], P["bc"], "h").items()}
    return {
        **inner,
        **linear("u", P["b1"], x=P["K1"][:, :3], a=P["K1"][:, 3:]),
        **linear("q", P["b3"], o=P["K3"]),
        **linear("e", M=P["Kw"]),
        **linear("y", P["b2"], o=P["K2"][:, :4], a_next=P["K2"][:, 4:]),
        "v": P["v_"],
    }


def remembered(states: Arrays) -> Arrays:
    return {"inner.h": states["h"], "a": states["a"], "M": states["M"].reshape(3, 4)}


def stacked(P: Arrays) -> Arrays:
    """Two layers of PyTorch's LSTM."""
    found = {}
    for k, name in enumerate(("first", "layer.0")):
        bias = P[f"b{k}"] + P[f"d{k}"]
        layer = linear("i_f_g_o", bias, x=P[f"W{k}"], h=P[f"U{k}"])
        found |= {f"{name}.{key}": value for key, value in layer.items()}
    return found


def highway(P: Arrays) -> Arrays:
    inner = {f"inner.{key}": value for key, value in joint(P["K"], P["b"], "h", 4).items()}
    return {**inner, **linear("q", P["bc"], x=P["C"])}


def zoned_lstm(P: Arrays) -> Arrays:
    return {**linear("i_g_f_o", P["b"], x=P["W"]), "U": P["U"].T}


def zoned_gru(P: Arrays) -> Arrays:
    W, U, b, d = (cut(P[name], "zrg") for name in "WUbd")
    W_zr, U_zr, b_zr, d_zr = (np.concatenate([p["z"], p["r"]]) for p in (W, U, b, d))
    gates = linear("z_r", b_zr + d_zr, x=W_zr, h=U_zr)
    return {**gates, **linear("g", b["g"], x=W["g"]), **linear("a", d["g"], h=U["g"])}


def zoned(step: Arrays) -> Any:
    """The library's mask says what is new; it is no input of ours."""
    return 1 - step["mz"]


def normed_independent(P: Arrays) -> Arrays:
    return {**linear("h", x=P["W"]), "h.gain": P["γ"], "h.bias": P["b"], "u": P["u"]}


def inner_names(arrays: Arrays) -> Arrays:
    return {f"inner.{name}": value for name, value in arrays.items()}


CONVOLVED = Row(
    convolved, FB, transposed, transposed, lambda y: y.T, sizes={"C": 2, "F": 2, "L": 5}
)
PLANE = {"C": 2, "F": 2, "Y": 1, "X": 5}


def normed_peephole(P: Arrays) -> Arrays:
    kernel, gates = P["K"], "ijfo"
    gain, bias = (np.concatenate([P[kind + gate] for gate in gates]) for kind in "γβ")
    norms = {"i_j_f_o.gain": gain, "i_j_f_o.bias": bias, "s.gain": P["γc"], "s.bias": P["βc"]}
    products = linear("i_j_f_o", x=kernel[:, :3], h=kernel[:, 3:])
    return {**products, **norms, **{f"p_{gate}": P[f"p{gate}"] for gate in "ifo"}}


def in_groups(P: Arrays) -> Arrays:
    """The library has a kernel for each group, over its part of x and of h."""
    kernels = [cut(P[name], "ijfo") for name in ("K0", "K1")]
    found = {}
    for gate in "ijfo":
        found[f"{gate}.W_x"] = np.stack([K[gate][:, :2].T for K in kernels])
        found[f"{gate}.W_h"] = np.stack([K[gate][:, 2:].T for K in kernels])
        found[f"{gate}.b"] = P[f"b{gate}"]
    return found


def pruned(P: Arrays) -> Arrays:
    kernel, mask = P["K"].T, P["Mask"].T
    masks = {"mask_x": mask[:3], "mask_h": mask[3:]}
    return {"K_x": kernel[:3], "K_h": kernel[3:], "b": P["b"], **masks}


def phased(P: Arrays) -> Arrays:
    found = {**joint(P["Kg"], P["bg"], "if"), **joint(P["Kn"], P["bn"], "g")}
    return {**found, **joint(P["Ko"], P["bo"], "o"), "tau": P["τ"], "s": P["s"]}


IN_A_PLANE = Row(in_a_plane, FB, one_row, one_row, lambda y: y[:, 0].T, sizes=PLANE)


def over_a_plane(order: str) -> Row:
    sizes = {"C": 3, "F": 2, "Y": 5, "X": 4}
    change = convolved_apart(order)
    return Row(change, {}, channels_first, channels_first, channels_last, sizes=sizes)


ROWS: dict[str, dict[str, Row]] = {
    "tf.ugrnn": {"ugrnn": one_kernel("gn")},
    "tf.intersection": {"intersection_rnn": Row(intersection, FB)},
    "tf.minimal": {"minimal_rnn": Row(minimal)},
    "tf.cfn": {"cfn": Row(chaos_free)},
    "tf.nas": {"nas": Row(eight_units)},
    "tf.indygru": {"indy_gru": Row(independent_gru)},
    "tf.indylstm": {"indy_lstm": Row(independent_lstm, FB)},
    "tf.lnlstm": {"ln_peephole_lstm": Row(normed_peephole, {**FB, "cell_clip": "cc"})},
    "tf.glstm": {"group_lstm": Row(in_groups, FB)},
    "tf.masked": {"masked_lstm": Row(pruned, FB)},
    "tf.phased": {"phased_lstm": Row(phased, {"ratio_on": "ρ", "leak": "leak"})},
    "tf.wnlstm": {"weight_norm_lstm": Row(weight_normed, FB)},
    "tf.convlstm": {"conv_lstm_1d": CONVOLVED, "conv_lstm": IN_A_PLANE},
    "flax.convlstm": {"conv_lstm": over_a_plane("ijfo")},
    "keras.convlstm": {"conv_lstm": over_a_plane("ifjo")},
    "tf.gridlstm": {
        "time_freq_lstm": Row(time_and_frequency, FB, by_windows, sizes={"F": 2, "K": 3}),
    },
    "tf.attnwrap": {"attention_rnn": Row(attending, states=remembered, sizes={"A": 4, "L": 3})},
    "tf.multirnn": {"stacked_lstm": Row(stacked)},
    "tf.highway": {"highway_rnn": Row(highway, states=inner_names)},
    "haste.lstm": {"zoneout_lstm": Row(zoned_lstm, masks=zoned)},
    "haste.gru": {"zoneout_gru": Row(zoned_gru, masks=zoned)},
    "haste.lnindrnn": {"ln_indrnn": Row(normed_independent)},
}
