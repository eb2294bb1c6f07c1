"""The tensor IR: sizes, programs, their text form and their verifier."""
