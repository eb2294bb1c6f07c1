"""What people hold: the class of a cell, how it is built and saved."""
