"""`python -m celldsl`, the same as the command `celldsl`."""

from __future__ import annotations

import sys

from celldsl.cli.main import main

sys.exit(main())
