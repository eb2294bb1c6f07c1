"""What makes a program better, one pass a file."""
