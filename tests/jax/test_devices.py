"""Two devices of the CPU, each with its part of a batch, and programs kept on disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jax")

SCRIPT = """
import json
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import Mesh, PartitionSpec as P
import celldsl, celldsl.jax
from celldsl.runtime.threads import thread_count

thread_count.SMALL_WORK = 0
celldsl.set_threads(2)
apply = celldsl.jax.function(celldsl.load("gru")(I=3, H=5), "kernels")
params = apply.params()
x = jnp.asarray(np.random.default_rng(0).normal(size=(7, 8, 3)).astype("float32"))
mesh = Mesh(np.array(jax.devices()), ("data",))


lengths, resets = jnp.arange(8), jnp.arange(56).reshape(7, 8) % 3 == 0
ALONG = P(None, "data")


def loss(params, x, **more):
    y, state = apply(params, x, **more)
    return (y**2).sum() + state.h.sum()


def compared(more, specs):
    @jax.jit
    @jax.shard_map(mesh=mesh, in_specs=(P(), ALONG, specs), out_specs=P())
    def parts(params, x, more):
        return jax.lax.psum(loss(params, x, **more), "data")

    step = jax.jit(jax.value_and_grad(parts, (0, 1)))
    text = step.lower(params, x, more).compile().as_text()
    found = jax.tree.leaves(step(params, x, more))
    wanted = jax.tree.leaves(jax.value_and_grad(loss, (0, 1))(params, x, **more))
    return {
        "devices": jax.device_count(),
        "calls": text.count('custom_call_target="celldsl.GRU'),
        "gathered": "all-gather" in text,
        "error": max(float(abs(a - b).max()) for a, b in zip(found, wanted)),
        "sum": float(sum(jnp.sum(a) for a in found)),
    }


print(json.dumps([
    compared({}, {}),
    compared({"lengths": lengths, "resets": resets}, {"lengths": P("data"), "resets": ALONG}),
]))
"""


def run(cache: Path) -> list[dict[str, Any]]:
    told = {
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, env={**os.environ, **told}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def programs(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if not path.name.endswith("-atime"))


def test_parts_of_a_batch_on_two_devices(tmp_path: Path) -> None:
    first = run(tmp_path)
    for each in first:
        assert (each["devices"], each["calls"], each["gathered"]) == (2, 2, False)
        assert each["error"] < 2e-5
    kept = programs(tmp_path)
    assert kept
    assert run(tmp_path) == first, "another process finds the same programs"
    assert programs(tmp_path) == kept, "and makes no others"
