"""What generated modules need when they run."""
