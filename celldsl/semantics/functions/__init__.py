"""Builtin functions: `table.FUNCTIONS` has them all; each module beside it a part."""
