"""What an expression means, with the calls in it."""
