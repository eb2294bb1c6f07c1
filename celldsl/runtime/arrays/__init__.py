"""Arrays that people pass and hold, by name and shape."""
