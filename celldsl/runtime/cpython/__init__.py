"""The only room that touches CPython's and NumPy's objects by address."""
