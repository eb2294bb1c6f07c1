#!/usr/bin/env bash
# hls4ml converts a GRU with reset_after=False, or with go_backwards=True, into another network
#
# Versions: hls4ml 1.3.0, keras 3.15.1 (JAX backend), g++ 12 or later.
# Bet: a converter to hardware reads the options of Keras's GRU that change the equation, or
#   refuses them, as it refuses return_state.
# Instead: the C++ always resets after the product and always runs forwards, though the option is
#   carried in the converter's own description of the layer. Both models convert, compile and
#   predict without a warning; a GRU with the default options is off by 0.01 (sigmoid and tanh are
#   tables).
# Output seen:
#   GRU(4): 0.01 off
#   GRU(4, go_backwards=True): 1.42 off, 0.01 from the forward direction
#   GRU(4, reset_after=False): 0.70 off, 0.01 from reset_after=True
# Why it matters: reset_after=False is the GRU of the paper, go_backwards a half of every
#   hand-built bidirectional network. Compare each converted cell with its source once, with
#   weights that are not tiny.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 keras==3.15.1 jax==0.10.2 hls4ml==1.3.0
"$dir/venv/bin/python" - <<'EOF'
import os

os.environ["KERAS_BACKEND"] = "jax"
import contextlib
import io
import tempfile
import hls4ml
import keras
import numpy as np

x = np.random.default_rng(0).standard_normal((4, 5, 3)).astype("f4")



def convert(**options):
    """Keras model and the output of its conversion, for weights that are not tiny; without biases."""
    rng = np.random.default_rng(1)
    start = keras.Input((5, 3))
    model = keras.Model(start, keras.layers.GRU(4, use_bias=False, **options)(start))
    model.set_weights([rng.standard_normal(w.shape).astype("f4") * 0.8 for w in model.get_weights()])
    config = hls4ml.utils.config_from_keras_model(model, granularity="name", default_precision="ap_fixed<40,16>")
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        converted = hls4ml.converters.convert_from_keras_model(
            model, hls_config=config, output_dir=folder, backend="Vitis", io_type="io_parallel")
        converted.compile()
        return model, converted.predict(np.ascontiguousarray(x)).reshape(4, 4)


def off(model, got, x=x):
    return np.abs(np.asarray(model(x)) - got).max()


model, got = convert()
print(f"GRU(4): {off(model, got):.2f} off")
assert off(model, got) < 0.03

model, got = convert(go_backwards=True)
print(f"GRU(4, go_backwards=True): {off(model, got):.2f} off, {off(model, got, x[:, ::-1]):.2f} from the forward direction")
assert off(model, got) > 0.1 and off(model, got, x[:, ::-1]) < 0.03

model, got = convert(reset_after=False)
after = keras.Model(start := keras.Input((5, 3)), keras.layers.GRU(4, use_bias=False)(start))
after.set_weights(model.get_weights())
print(f"GRU(4, reset_after=False): {off(model, got):.2f} off, {off(after, got):.2f} from reset_after=True")
assert off(model, got) > 0.1 and off(after, got) < 0.03
EOF
