"""The worker pool and the task graph that it runs."""
