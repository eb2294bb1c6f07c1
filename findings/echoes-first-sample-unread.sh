#!/usr/bin/env bash
# echoes: the first sample of a sequence is never read, and its prediction is 0
#
# Versions: echoes 1.0.2, numpy 2.4.6, numba 0.68.1, scikit-learn 1.9.1.
# Bet: ESNRegressor.predict reads all rows of X: a prediction for each, the first one from the zero
#   state and the first input ("state is reinitialized", says its docstring).
# Instead: the loop over steps begins at the second row. The first row of `predict` is 0.0 whatever
#   the model has learned, a sequence of one sample is always answered 0.0, and what stands in the
#   first row of X has no effect on any later one. `fit` has a zero state there as well.
# Output seen:
#   targets are about 100; predicted 0.000 86.439 ...
#   a sequence of one sample: 0.0
#   another first sample changes no prediction: True
# Why it matters: scikit-learn's tools call `predict` on folds and single rows; each has one answer of
#   0 among hundreds, which rules the score. Leave the first step out, or write the first row twice.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 numba==0.68.1 scikit-learn==1.9.1 echoes==1.0.2
"$dir/venv/bin/python" - <<'EOF'
import numpy as np
from echoes import ESNRegressor

x = np.random.default_rng(0).normal(size=(300, 1))
y = 100 + np.convolve(x[:, 0], [1.0, 0.5, 0.2])[:300]
model = ESNRegressor(n_reservoir=50, n_transient=20, random_state=0).fit(x, y)
found = model.predict(x[:50])[:, 0]
print(f"targets are about {y.mean():.0f}; predicted {found[0]:.3f} {found[1]:.3f} ...")
assert found[0] == 0 and abs(found[20:] - y[20:50]).max() < 1
single = model.predict(x[7:8])
print("a sequence of one sample:", single.item())
assert single.item() == 0
other = x[:50].copy()
other[0] = 1000.0
same = np.array_equal(model.predict(other)[:, 0], found)
print("another first sample changes no prediction:", same)
assert same
EOF
