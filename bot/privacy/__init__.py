"""Personal data: what it looks like, and what takes its place."""
