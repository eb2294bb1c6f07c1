"""What stands in a body: equations, loops, branches; the bodies of cells and functions."""
