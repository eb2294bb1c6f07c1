"""A cell's compiled code run over sequences and steps, on several threads."""
