"""Weights of other libraries.  In: arrays by their names.  Out: parameters, and back."""
