#!/usr/bin/env bash
# diffrax: a constant step of 0.3 from 0 to 1 takes steps of 0.3, 0.2, 0.25 and 0.25
#
# Versions: diffrax 0.7.2, jax 0.10.2.
# Bet: ConstantStepSize is "a constant step size, equal to dt0": 0.3, 0.3, 0.3 and a last step of
#   0.1, as torchdiffeq and a loop do it.
# Instead: the first step is dt0; the following times are t0 + (t1 - t0) * k / n with n = ceil((t1
#   - t0) / dt0). If dt0 does not divide the interval, the second step is shorter than all others
#   and every later one differs from dt0; the result is not that of any loop with one dt. No
#   message.
# Output seen:
#   dt0 = 0.25: steps [0.25, 0.25, 0.25, 0.25], y(1) 0.316406, a loop gives 0.316406
#   dt0 = 0.3: steps [0.3, 0.2, 0.25, 0.25], y(1) 0.315000, a loop gives 0.308700
#   dt0 = 0.35: steps [0.35, 0.3167, 0.3333], y(1) 0.296111, a loop gives 0.295750
# Why it matters: a cell that steps an ODE by dt cannot be checked against diffrax, nor
#   initialised from a model trained with it, unless dt divides the interval; a Jacobian taken for
#   dt0 belongs to one step only.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 jax==0.10.2 diffrax==0.7.2
"$dir/venv/bin/python" - <<'EOF'
import diffrax
import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)


def steps(dt):
    solution = diffrax.diffeqsolve(diffrax.ODETerm(lambda t, y, args: -y), diffrax.Euler(), 0.0, 1.0, dt,
                                   jnp.array(1.0), saveat=diffrax.SaveAt(steps=True), max_steps=32,
                                   stepsize_controller=diffrax.ConstantStepSize())
    n = int(solution.stats["num_steps"])
    return np.diff(np.concatenate([[0.0], solution.ts[:n]])), float(solution.ys[n - 1])


def loop(dt):
    t, y = 0.0, 1.0
    while t < 1 - 1e-12:
        size = min(dt, 1 - t)
        t, y = t + size, y - size * y
    return y


for dt in (0.25, 0.3, 0.35):
    sizes, y = steps(dt)
    print(f"dt0 = {dt}: steps {[round(float(s), 4) for s in sizes]}, y(1) {y:.6f}, a loop gives {loop(dt):.6f}")
    assert np.isclose(y, loop(dt)) == (dt == 0.25)
    assert np.isclose(sizes[0], dt) and (dt == 0.25 or not np.isclose(sizes[1:], dt).any())
EOF
