"""Training cells side by side: tasks, models, curves, a verdict."""
