"""How a cell is built: its settings, its parameters and how they begin."""
