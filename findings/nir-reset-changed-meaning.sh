#!/usr/bin/env bash
# NIR: the same file means a reset by subtraction to nir 1.0.4 and a reset to zero to 1.0.8
#
# Versions: nir 1.0.4 and nir 1.0.8 (two environments).
# Bet: a patch release of an exchange format reads the files of the one before with their meaning,
#   or refuses them: each file carries the version of its writer.
# Instead: LIF, IF and CubaLIF of 1.0.4 are defined with v - v_thr after a spike and have no other
#   reset; 1.0.8 defines v = v_reset and fills in v_reset = 0 for files that have none. The version
#   in the file is not looked at. The other way round 1.0.4 fails with a TypeError.
# Output seen:
#   nir 1.0.4: LIF is documented to subtract
#     a file of 1.0.4 is read with v_reset not known
#     a file of 1.0.8 is read with TypeError: LIF.__init__() got an unexpected keyword argument 'v_reset'
#   nir 1.0.8: LIF is documented to reset to v_reset
#     a file of 1.0.4 is read with v_reset [0.]
#     a file of 1.0.8 is read with v_reset [-1.]
# Why it matters: networks written before the change spike differently after it. sinabs 3.1.3 pins
#   nir<=1.0.4 while snnTorch 1.0.0 writes v_reset: these two cannot share an environment. A format's
#   version is there to be read.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for version in 1.0.4 1.0.8; do
    python3 -m venv "$dir/$version"
    "$dir/$version/bin/pip" install --quiet numpy==2.4.6 h5py==3.16.0 "nir==$version"
done
cat >"$dir/write.py" <<'EOF'
import sys
import nir
import numpy as np

one = np.ones(1)
extra = {"v_reset": -one} if nir.version == "1.0.8" else {}
neuron = nir.LIF(tau=one, r=one, v_leak=0 * one, v_threshold=one, **extra)
nir.write(sys.argv[1], nir.NIRGraph.from_list(neuron))
EOF
cat >"$dir/read.py" <<'EOF'
import sys
import nir
from nir.serialization import read_version

subtracts = "v-v_{thr}" in nir.LIF.__doc__
print(f"nir {nir.version}: LIF is documented to", "subtract" if subtracts else "reset to v_reset")
assert subtracts == (nir.version == "1.0.4")
for path in sys.argv[1:]:
    try:
        node = nir.read(path).nodes["lif"]
        result = f"v_reset {getattr(node, 'v_reset', 'not known')}"
    except TypeError as error:
        result = f"TypeError: {error}"
    print(f"  a file of {read_version(path)} is read with {result}")
    own = read_version(path) == nir.version
    assert own or ("[0.]" in result) == (nir.version == "1.0.8")
    assert own or ("TypeError" in result) == (nir.version == "1.0.4")
EOF
for version in 1.0.4 1.0.8; do "$dir/$version/bin/python" "$dir/write.py" "$dir/$version.nir"; done
for version in 1.0.4 1.0.8; do "$dir/$version/bin/python" "$dir/read.py" "$dir"/*.nir; done
