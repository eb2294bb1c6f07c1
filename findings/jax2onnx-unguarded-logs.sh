#!/usr/bin/env bash
# jax2onnx: a running log-sum-exp overflows in the exported file, and log1p is log(1 + x)
#
# Versions: jax2onnx 0.17.1, jax 0.10.2, onnxruntime 1.32.0.
# Bet: functions that exist for the sake of their range, such as cumlogsumexp, log1p, expm1 and
#   softplus, are exported as something with the same range.
# Instead: cumlogsumexp becomes Log(CumSum(Exp(x))): inf from 89 on, -inf from -104 on, where JAX
#   gives the right number. log1p becomes Log(1 + x): 0 for 1e-8; softplus(-20), log_sigmoid(20)
#   and logaddexp are 0 instead of 2.1e-9. All load and run.
# Output seen:
#   cumlogsumexp of three times 0.0: JAX 1.099, exported 1.099
#   cumlogsumexp of three times 100.0: JAX 101.099, exported inf
#   cumlogsumexp of three times -110.0: JAX -108.901, exported -inf
#   log1p at 1e-08: JAX 1.000e-08, exported 0.000e+00
#   softplus at -20.0: JAX 2.061e-09, exported 0.000e+00
#   log_sigmoid at 20.0: JAX -2.061e-09, exported -0.000e+00
#   logaddexp(., 0) at -20.0: JAX 2.061e-09, exported 0.000e+00
# Why it matters: parallel forms of gated cells (minGRU, minLSTM, log-space scans) stand on
#   cumlogsumexp, sLSTM-like cells on log_sigmoid: right in JAX, inf or 0 after export. Test an
#   exported cell at both ends of the range.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 jax==0.10.2 jax2onnx==0.17.1 onnx==1.23.2 onnxruntime==1.32.0
"$dir/venv/bin/python" - <<'EOF'
import jax
import jax.numpy as jnp
import numpy as np
import onnxruntime
from jax2onnx import to_onnx


def both(function, values):
    x = np.array(values, "f4")
    model = to_onnx(function, [x.shape])
    session = onnxruntime.InferenceSession(model.SerializeToString())
    exported = session.run(None, {session.get_inputs()[0].name: x})[0]
    return np.asarray(function(jnp.asarray(x))), exported


for level in (0.0, 100.0, -110.0):
    jaxs, exported = both(jax.lax.cumlogsumexp, [level] * 3)
    print(f"cumlogsumexp of three times {level}: JAX {jaxs[-1]:.3f}, exported {exported[-1]:.3f}")
    assert np.isclose(jaxs[-1], level + np.log(3), atol=1e-3)
    assert np.isclose(exported[-1], jaxs[-1], atol=1e-3) if level == 0 else np.isinf(exported[-1])
tails = {"log1p": (jnp.log1p, 1e-8), "softplus": (jax.nn.softplus, -20.0),
         "log_sigmoid": (jax.nn.log_sigmoid, 20.0), "logaddexp(., 0)": (lambda a: jnp.logaddexp(a, 0.0), -20.0)}
for name, (function, at) in tails.items():
    jaxs, exported = both(function, [at, at])
    print(f"{name} at {at}: JAX {jaxs[0]:.3e}, exported {exported[0]:.3e}")
    assert abs(jaxs[0]) > 1e-9 and exported[0] == 0
EOF
