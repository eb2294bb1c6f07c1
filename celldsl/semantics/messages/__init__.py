"""What is said of a walk: words for messages, names that would fit, and warnings."""
