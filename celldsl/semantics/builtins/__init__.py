"""Builtin functions: `table.FUNCTIONS` has all but those of `prelude.cell`."""
