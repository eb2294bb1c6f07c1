"""Cells in notebooks: `%load_ext celldsl`, `%%cell`, and how cells and arrays show themselves."""
