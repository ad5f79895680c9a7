"""The gate: whether a candidate model may take the current one's place."""
