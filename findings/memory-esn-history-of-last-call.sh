#!/usr/bin/env bash
# memory-esn: a long-memory network that is fed in small pieces remembers the last piece only
#
# Versions: memory-esn 0.1.1, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1, PyWavelets 1.9.0.
# Bet: fESN.predict(x, continuation=True) goes on from the last call, so that 60 steps in one call, in
#   two or in sixty give the same predictions. Its fractional filter looks K = 20 steps back.
# Instead: after each call the history is replaced by the last K rows of that call. A call shorter than
#   K leaves a shorter history, and the filter takes what is missing as nothing. Step by step the
#   filter of 20 lags has one, while the reservoir states are carried on. (With skip_initial=True, the
#   default, such a call ends in an error about shapes or negative dimensions.)
# Output seen:
#   in calls of 30 steps: off by 0.000
#   in calls of 20 steps: off by 0.000
#   in calls of 10 steps: off by 0.022
#   in calls of 1 steps: off by 0.196
# Why it matters: continuation exists for streams, whose pieces are short. The model is named after its
#   long memory, and an evaluation on one long series does not show that it is gone.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 \
    PyWavelets==1.9.0 memory-esn==0.1.1
"$dir/venv/bin/python" -W ignore::RuntimeWarning - <<'EOF'
import numpy as np
from memory_esn import fESN

x = np.cumsum(np.random.default_rng(0).standard_normal(400)) * 0.2


def in_calls_of(size):
    net = fESN(n_reservoir=50, d=0.4, K=20, skip_initial=False, random_state=0)
    net.fit(x[:300], x[1:301])
    pieces = [net.predict(x[i : i + size], continuation=True) for i in range(300, 360, size)]
    return np.concatenate(pieces)


whole = in_calls_of(60)
off = {}
for size in (30, 20, 10, 1):
    off[size] = float(np.abs(in_calls_of(size) - whole).max())
    print(f"in calls of {size} steps: off by {off[size]:.3f}")
assert max(off[30], off[20]) < 1e-9 and off[10] > 1e-3 and off[1] > 0.05
EOF
