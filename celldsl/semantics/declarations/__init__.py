"""What a cell declares: leaves, parameters and how they begin."""
