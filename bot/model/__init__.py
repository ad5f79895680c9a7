"""Models that serve: where they come from, which one answers, and another in its place."""
