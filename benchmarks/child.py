"""A process of its own for a measurement.  In: a script, arguments.  Out: the JSON it prints.

found = in_child("import json; print(json.dumps({'a': 1}))", {"CELLDSL_CACHE_DIR": "…"})
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def in_child(code: str, environment: Mapping[str, str], *arguments: str) -> dict[str, Any]:
    """The last line that the code prints, and under `wall` how long the process ran."""
    inherited = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=inherited, stdout=subprocess.PIPE, check=True
    )
    wall = time.perf_counter() - start
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**found, "wall": wall}
