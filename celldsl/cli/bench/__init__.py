"""What `celldsl bench` measures: a cell, and those of other libraries."""
