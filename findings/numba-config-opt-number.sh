#!/usr/bin/env bash
# Numba's settings file refuses `opt: 1`, says that 1 is supported, and goes on at level 3
#
# Versions: numba 0.68.1, llvmlite 0.50.0, numpy 2.4.6, PyYAML 6.0.3.
# Bet: `opt: 1` in .numba_config.yaml is NUMBA_OPT=1: the file stands for environment variables.
# Instead: YAML makes 1 a number, the setting compares texts. A RuntimeWarning calls '1' unsupported
#   and lists 1 among what is supported; the level stays at 3. `opt: "1"` works. Other settings,
#   such as `enable_avx: 0`, take numbers.
# Output seen:
#   opt: 1 gives level 3 and 1 warning; opt: "1" gives level 1 and 0
#   enable_avx: 0 gives 0
# Why it matters: a project that lowers the level to compile faster gets the slow level everywhere
#   that warnings are not read.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numba==0.68.1 llvmlite==0.50.0 numpy==2.4.6 PyYAML==6.0.3
cd "$dir"
cat > ask.py <<'EOF'
import warnings

with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    from numba.core import config
told = [each for each in told if "NUMBA_OPT" in str(each.message)]
print(int(config.OPT), len(told), config.ENABLE_AVX)
EOF
printf 'opt: 1\nenable_avx: 0\n' > .numba_config.yaml
read -r number warned avx < <(venv/bin/python ask.py)
printf 'opt: "1"\n' > .numba_config.yaml
read -r text quiet _ < <(venv/bin/python ask.py)
echo "opt: 1 gives level $number and $warned warning; opt: \"1\" gives level $text and $quiet"
echo "enable_avx: 0 gives $avx"
[ "$number $warned $text $quiet $avx" = "3 1 1 0 0" ]
