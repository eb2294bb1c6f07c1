"""What runs or prints a Program: the reference evaluator, and a folder for each target."""
