"""From functions in a small part of Python to machine code, kept on disk."""
