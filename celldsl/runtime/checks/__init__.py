"""What people pass to a cell, checked, and what they get back, named."""
