#!/usr/bin/env bash
# aqua-blue: forecasts begin with the last value of the training series, each labelled one step late
#
# Versions: aqua-blue 0.2.19, numpy 2.1.3.
# Bet: `predict(horizon)` gives the values at the times that it returns with them.
# Instead: training leaves the reservoir in its state before the last sample, and `predict` reads
#   out that state first. So the first forecast is the last sample that was trained on, under the
#   time after it, and each further one is the value of the step before. `initial_guess`, which
#   keeps the last sample "used for future predictions", is read by nobody.
# Output seen:
#   last sample 0.986482, next one 0.893997, first forecast 0.986482
#   largest error at the labelled time 0.298799, one step earlier 0.000001
# Why it matters: the error looks like that of a model that lags, and shrinks as the series is
#   sampled more densely. An evaluation has to compare a forecast with a shifted truth as well.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.1.3 aqua-blue==0.2.19
"$dir/venv/bin/python" - <<'EOF'
import numpy as np
from aqua_blue.models import Model
from aqua_blue.readouts import LinearReadout
from aqua_blue.reservoirs import DynamicalReservoir
from aqua_blue.time_series import TimeSeries

times = 0.3 * np.arange(400)
wave, known = np.sin(times)[:, None], 300
model = Model(DynamicalReservoir(input_dimensionality=1, reservoir_dimensionality=100), LinearReadout())
model.train(TimeSeries(dependent_variable=wave[:known], times=times[:known]))
forecast = model.predict(horizon=50)
assert np.allclose(np.asarray(forecast.times, float), times[known : known + 50])
found = forecast.dependent_variable
print(f"last sample {wave[known - 1, 0]:.6f}, next one {wave[known, 0]:.6f}, first forecast {found[0, 0]:.6f}")
at, before = (np.abs(found - wave[start : start + 50]).max() for start in (known, known - 1))
print(f"largest error at the labelled time {at:.6f}, one step earlier {before:.6f}")
assert at > 0.25 and before < 1e-5
EOF
