"""Routines, a small part of Python, to LLVM's instructions."""
