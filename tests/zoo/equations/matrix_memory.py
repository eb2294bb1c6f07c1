"""Cells whose state is a matrix, as their papers and flash-linear-attention say it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.zoo.equations.terms import (
    Arrays,
    Step,
    affine,
    log_sigma,
    normed,
    relu,
    sigma,
    silu,
    soft_max,
    softplus,
    unit,
)

Result = tuple[Arrays, Arrays]


def products(p: Arrays, x: Any, names: str) -> list[Any]:
    return [x @ p[f"{name}.W_x"] + p.get(f"{name}.b", 0.0) for name in names]


def linear_attention(p: Arrays, x: Arrays, s: Arrays) -> Result:
    q, k, v = products(p, x["x"], "qkv")
    q, k = (np.where(a > 0, a + 1, np.exp(a)) for a in (q, k))
    S, z = s["S"] + np.outer(k, v), s["z"] + k
    return {"y": q @ S / (q @ z + 1e-6)}, {"S": S, "z": z}


def multihead_linear_attention(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """Head by head, each the cell of one head; the joining product is cut into its blocks."""
    heads, y = [], 0.0
    for n, (S, z) in enumerate(zip(s["S"], s["z"], strict=True)):
        own = {f"{name}.W_x": p[f"W_{name}"][n] for name in "qkv"}
        found, state = linear_attention(own, x, {"S": S, "z": z})
        heads.append(state)
        y = y + found["y"] @ p["W_o"][n]
    return {"y": y}, {name: np.stack([head[name] for head in heads]) for name in "Sz"}


def retnet(p: Arrays, x: Arrays, s: Arrays) -> Result:
    q, k, v = products(p, x["x"], "qkv")
    S = p["decay"] * s["S"] + np.outer(k, v)
    return {"y": q / np.sqrt(len(q)) @ S}, {"S": S}


def hgrn2(p: Arrays, x: Arrays, s: Arrays) -> Result:
    q, f, v = products(p, x["x"], "qfv")
    f = p["lower_bound"] + (1 - p["lower_bound"]) * sigma(f)
    S = np.diag(f) @ s["S"] + np.outer(1 - f, v)
    return {"y": silu(q) @ S}, {"S": S}


def _delta(p: Arrays, x: Arrays, S: Any) -> Result:
    q, k, v, beta = *products(p, x["x"], "qkv"), x["x"] @ p["beta.W_x"]
    q, k, v, beta = unit(silu(q)), unit(silu(k)), silu(v), sigma(beta)
    S = S + np.outer(k, beta * (v - k @ S))
    return {"y": q / np.sqrt(len(q)) @ S}, {"S": S}


def deltanet(p: Arrays, x: Arrays, s: Arrays) -> Result:
    return _delta(p, x, s["S"])


def multihead_deltanet(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """Head by head, as if each were a cell of its own; then one product joins what they answer."""
    S, answers = np.zeros_like(s["S"]), []
    for n, old in enumerate(s["S"]):
        K, H = old.shape
        keys, values = slice(n * K, (n + 1) * K), slice(n * H, (n + 1) * H)
        cuts = {"q": keys, "k": keys, "v": values, "beta": n}
        own = {f"{name}.W_x": p[f"{name}.W_x"][:, cut] for name, cut in cuts.items()}
        found, state = _delta(own, x, old)
        S[n] = state["S"]
        answers.append(found["y"] / np.sqrt(np.mean(found["y"] ** 2) + 1e-5) * p["m.gain"])
    return {"y": np.concatenate(answers) @ p["y.W_0"]}, {"S": S}


def gated_deltanet(p: Arrays, x: Arrays, s: Arrays) -> Result:
    g = -np.exp(p["A_log"]) * softplus(affine(p, "g", x=x["x"]))
    return _delta(p, x, np.exp(g) * s["S"])


def kda(p: Arrays, x: Arrays, s: Arrays) -> Result:
    low = x["x"] @ p["l.W_x"]
    g = -np.exp(p["A_log"]) * softplus(low @ p["g.W_l"] + p["dt_bias"])
    return _delta(p, x, np.exp(g)[:, None] * s["S"])


def deltaproduct(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """Householder factors one by one, as I - β k kᵀ."""
    S = np.exp(-np.exp(p["A_log"]) * softplus(affine(p, "g", x=x["x"]))) * s["S"]
    for j in range(2):
        k, v, beta = (x["x"] @ p[f"{name}.{j}.W_x"] for name in ("k", "v", "beta"))
        k, v, beta = unit(silu(k)), silu(v), 2 * sigma(beta)
        S = (np.eye(len(k)) - beta * np.outer(k, k)) @ S + beta * np.outer(k, v)
    return {"y": unit(silu(x["x"] @ p["q.W_x"])) @ S}, {"S": S}


def gsa(p: Arrays, x: Arrays, s: Arrays) -> Result:
    q, k, v, g = products(p, x["x"], "qkvg")
    q, k, v, f = silu(q), silu(k), silu(v), np.exp(log_sigma(g) / 8)
    K = s["K_slots"] * f[None, :] + np.outer(k, 1 - f)
    V = s["V_slots"] * f[:, None] + np.outer(1 - f, v)
    return {"y": soft_max(q / np.sqrt(len(q)) @ K) @ V}, {"K_slots": K, "V_slots": V}


def mesanet(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """As flash-linear-attention's naive_mesa_net_decoding_one_step."""
    q, k, v, g = products(p, x["x"], "qkvg")
    q, k, beta = unit(silu(q)), unit(silu(k)), sigma(x["x"] @ p["beta.W_x"])
    A = sigma(g) * s["A"] + beta * np.outer(k, k)
    M = sigma(g) * s["M"] + beta * np.outer(k, v)
    system = A + np.diag(softplus(p["l"]) + 0.25)
    z = q / np.diag(system)
    left = q - system @ z
    way, old = left, left @ left
    for _ in range(8):
        length = old / (way @ system @ way + 1e-5)
        z, left = z + length * way, left - length * (system @ way)
        way, old = left + left @ left / (old + 1e-5) * way, left @ left
    return {"y": z @ M}, {"A": A, "M": M}


def mlstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """Without a stabiliser: memory and normaliser carry the factor exp(-m) that came in."""
    q, k, v, i, f, o = products(p, x["x"], "qkvilo")
    k, old = k / np.sqrt(len(k)), np.exp(s["m"])
    C = sigma(f) * old * s["C"] + np.exp(i) * np.outer(k, v)
    n = sigma(f) * old * s["n"] + np.exp(i) * k
    m = np.maximum(log_sigma(f) + s["m"], i)
    y = q @ C / (np.maximum(np.abs(q @ n), 1) + 1e-6 * np.exp(m))
    return {"y": sigma(o) * y}, {"C": C / np.exp(m), "n": n / np.exp(m), "m": m}


def _shifted(p: Arrays, name: str, x: Any, last: Any) -> Any:
    mu = p[f"{name}.shifted.mu"]
    return mu * x + (1 - mu) * last


def rwkv5(p: Arrays, x: Arrays, s: Arrays) -> Result:
    r, k, v, g = (_shifted(p, n, x["x"], s["x_last"]) @ p[f"{n}.W_0"] for n in "rkvg")
    y = normed(r @ s["S"] + (r @ (p["bonus"] * k)) * v) * p["y.gain"] + p["y.bias"]
    S = np.diag(np.exp(-np.exp(p["decay"]))) @ s["S"] + np.outer(k, v)
    return {"o": (y * silu(g)) @ p["o.W_0"]}, {"S": S, "x_last": x["x"]}


def rwkv7(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """The transition as one matrix, diag(w) - κ (a ⊙ κ)ᵀ."""
    x, last = x["x"], s["x_last"]
    mixed = {n: x + p[f"{n}.shifted.mu"] * (last - x) for n in ("r", "k0", "v", "w", "a")}
    r, k0, v = (mixed[n] @ p[f"{n}.W_0"] for n in ("r", "k0", "v"))

    def lora(n: str) -> Any:
        low = np.tanh(mixed[n] @ p[f"{n}.low_rank.low_rank_in.W_v"])
        return low @ p[f"{n}.low_rank.low_rank_out.W_v"] + p[f"{n}.low_rank.low_rank_out.b"]

    w, a = np.exp(-np.exp(-0.5) * sigma(lora("w"))), sigma(lora("a"))
    kappa = k0 * p["xi"] / np.linalg.norm(k0 * p["xi"])
    k = k0 * (1 + (a - 1) * p["alpha"])
    S = s["S"] @ (np.diag(w) - np.outer(kappa, a * kappa)) + np.outer(v, k)
    return {"y": S @ r + (r * p["rho"] * k).sum() * v}, {"S": S, "x_last": x}


def ttt_linear(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """The inner gradient by differences in the complex plane."""
    q, k, v = products(p, x["x"], "qkv")
    eta = sigma(affine(p, "eta", x=x["x"])) * p["rate"] / len(q)
    gamma, beta = p["gamma"], p["beta"]

    def norm(z: Any) -> Any:
        z = z - z.mean()
        return z / np.sqrt((z * z).mean() + 1e-6)

    def loss(z: Any) -> Any:
        e = gamma * norm(z) + beta - (v - k)
        return (e * e).sum() / 2

    z = k @ s["S"] + s["s"]
    grad = np.array([loss(z + 1e-30j * row).imag / 1e-30 for row in np.eye(len(z))])
    S, b = s["S"] - eta * np.outer(k, grad), s["s"] - eta * grad
    m = q / np.sqrt(len(q)) @ S + b
    return {"y": m + gamma * norm(m) + beta}, {"S": S, "s": b}


def titans(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """The surprise by differences in the complex plane."""
    q, k, v = (silu(a) for a in products(p, x["x"], "qkv"))
    q, k = q / np.linalg.norm(q), k / np.linalg.norm(k)
    alpha, eta, theta = (sigma(affine(p, n, x=x["x"])) for n in ("alpha", "eta", "theta"))

    def loss(P: Any, Q: Any) -> Any:
        return ((silu(k @ P) @ Q - v) ** 2).sum()

    memory, found = {n: s[n].astype(complex) for n in "PQ"}, {}
    for n in "PQ":
        surprise = np.empty(s[n].shape)
        for at in np.ndindex(surprise.shape):
            moved = memory[n].copy()
            moved[at] += 1e-30j
            surprise[at] = loss(**{**memory, n: moved}).imag / 1e-30
        found[f"m{n}"] = eta * s[f"m{n}"] - 0.1 * theta * surprise
        found[n] = (1 - alpha) * s[n] + found[f"m{n}"]
    return {"y": silu(q @ found["P"]) @ found["Q"]}, found


def mamba(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """As transformers' slow path, one step."""
    H = len(p["D"])
    u, z = np.split(x["x"] @ p["u_z.W_x"], 2)
    window = np.concatenate([s["window"][1:], u[None]])
    v = silu((window * p["taps"]).sum(0) + p["tap_bias"])
    told = v @ p["delta_B_C.W_v"]
    R, N = p["Delta.W_delta"].shape[0], p["A_log"].shape[1]
    time, B, C = told[:R], told[R : R + N], told[R + N :]
    dt = softplus(time @ p["Delta.W_delta"] + p["Delta.b"])
    A = -np.exp(p["A_log"])
    S = np.zeros((H, N))
    for h in range(H):
        for n in range(N):
            S[h, n] = np.exp(dt[h] * A[h, n]) * s["S"][h, n] + dt[h] * B[n] * v[h]
    y = (S @ C + p["D"] * v) * silu(z)
    return {"o": y @ p["o.W_y"]}, {"S": S, "window": window}


def s6(p: Arrays, x: Arrays, s: Arrays) -> Result:
    u, B, C = products(p, x["x"], "uBC")
    dt = softplus(affine(p, "Delta", x=x["x"]))[:, None]
    S = np.exp(dt * -np.exp(p["A_log"])) * s["S"] + dt * B[None, :] * u[:, None]
    return {"y": S @ C + p["D"] * u}, {"S": S}


def mamba2(p: Arrays, x: Arrays, s: Arrays) -> Result:
    u, B, C = products(p, x["x"], "uBC")
    dt = softplus(affine(p, "Delta", x=x["x"]))
    S = np.exp(dt * -np.exp(p["A_log"])) * s["S"] + np.outer(dt * u, B)
    return {"y": S @ C + p["D"] * u}, {"S": S}


def fast_weights(p: Arrays, x: Arrays, s: Arrays) -> Result:
    z = x["x"] @ p["z.W_x"] + s["h"] @ p["z.W_h"]
    A = p["keep"] * s["A"] + p["rate"] * np.outer(relu(z), relu(z))
    h = relu(normed(z + A @ relu(z)) * p["gain"] + p["shift"])
    return {"h": h}, {"h": h, "A": A}


def ntm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """The read weights see the memory as it was, and so does what is read."""
    M, bound, W = s["M"], p["limit"], s["M"].shape[1]
    seen = np.concatenate([x["x"], s["r"]])
    i, f, g, o = np.split(affine(p, "controller.i_f_g_o", x=seen, h=s["controller.h"]), 4)
    c = sigma(f) * s["controller.c"] + sigma(i) * np.tanh(g)
    h = sigma(o) * np.tanh(c)
    told = np.clip(affine(p, "p", o=h), -bound, bound)
    read, write, erase, add = np.split(told, np.cumsum([W + 6, W + 6, W]))
    w, v = place(read, M, s["w"]), place(write, M, s["v"])
    r = M.T @ w
    after = {"r": r, "w": w, "v": v, "controller.h": h, "controller.c": c}
    after["M"] = M * (1 - v[:, None] * sigma(erase)) + v[:, None] * np.tanh(add)
    return {"y": np.clip(affine(p, "y", o=h, r_next=r), -bound, bound)}, after


def place(p: Any, M: Any, w: Any) -> Any:
    """By content, by where it was, by a step of at most one place, sharpened."""
    W, n = M.shape[1], len(M)
    k, beta, g, shift, gamma = np.split(p, [W, W + 1, W + 2, W + 5])
    k = np.tanh(k)
    lengths = np.sqrt((M * M).sum(1)) * np.sqrt((k * k).sum())
    near = soft_max(softplus(beta) * (M @ k) / (lengths + 1e-8))
    near, moves = sigma(g) * near + (1 - sigma(g)) * w, soft_max(shift)
    moved = [sum(moves[1 + m] * near[(i - m) % n] for m in (-1, 0, 1)) for i in range(n)]
    sharp = np.array(moved) ** (1 + softplus(gamma))
    return sharp / sharp.sum()


def _cosine(M: Any, k: Any) -> Any:
    lengths = np.linalg.norm(M, axis=1) * np.linalg.norm(k)
    return M @ k / (lengths + 1e-6)


def dnc(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """As the paper: free slots by sorting; each reading head frees, and reads by itself."""
    i, f, g, o = np.split(affine(p, "i_f_g_o", x=x["x"], r=s["r"], h=s["h"]), 4)
    c = sigma(f) * s["c"] + sigma(i) * np.tanh(g)
    h = sigma(o) * np.tanh(c)
    k_w, e, v = np.split(affine(p, "k_w_e_v", h_next=h), 3)
    b_w, g_a, g_w = affine(p, "b_w_g_a_g_w", h_next=h)
    usage = s["usage"] + s["w_w"] - s["usage"] * s["w_w"]
    for free, head in zip(affine(p, "free", h_next=h), s["w_r"], strict=True):
        usage = usage * (1 - sigma(free) * head)
    order = np.argsort(usage, kind="stable")
    a = np.zeros_like(usage)
    for rank, slot in enumerate(order):
        a[slot] = (1 - usage[slot]) * np.prod(usage[order[:rank]])
    content = soft_max(_cosine(s["M"], k_w) * softplus(b_w))
    w_w = sigma(g_w) * (sigma(g_a) * a + (1 - sigma(g_a)) * content)
    M = s["M"] * (1 - np.outer(w_w, sigma(e))) + np.outer(w_w, v)
    N = len(w_w)
    L = np.zeros((N, N))
    for m in range(N):
        for n in range(N):
            if m != n:
                L[m, n] = (1 - w_w[m] - w_w[n]) * s["L"][m, n] + w_w[m] * s["written"][n]
    written = (1 - w_w.sum()) * s["written"] + w_w
    w_r = np.zeros_like(s["w_r"])
    R, W = len(w_r), M.shape[1]
    keys = affine(p, "k_r", h_next=h).reshape(R, W)
    modes = affine(p, "modes", h_next=h).reshape(R, 3)
    for head, strength in enumerate(affine(p, "b_r", h_next=h)):
        content = soft_max(_cosine(M, keys[head]) * softplus(strength))
        back, ahead, found = soft_max(modes[head])
        w_r[head] = back * (L.T @ s["w_r"][head]) + ahead * (L @ s["w_r"][head]) + found * content
    r = (w_r @ M).reshape(-1)
    states = {"h": h, "c": c, "M": M, "L": L, "usage": usage, "written": written}
    return {"y": affine(p, "y", h_next=h, r_next=r)}, {**states, "w_r": w_r, "w_w": w_w, "r": r}


STEPS: dict[str, Step] = {
    "ntm": ntm,
    "linear_attention": linear_attention,
    "retnet": retnet,
    "hgrn2": hgrn2,
    "deltanet": deltanet,
    "multihead_linear_attention": multihead_linear_attention,
    "multihead_deltanet": multihead_deltanet,
    "gated_deltanet": gated_deltanet,
    "kda": kda,
    "deltaproduct": deltaproduct,
    "gsa": gsa,
    "mesanet": mesanet,
    "mlstm": mlstm,
    "rwkv5": rwkv5,
    "rwkv7": rwkv7,
    "ttt_linear": ttt_linear,
    "titans": titans,
    "mamba": mamba,
    "s6": s6,
    "mamba2": mamba2,
    "fast_weights": fast_weights,
    "dnc": dnc,
}
