"""Chinese words and rules."""
