"""From logs to turns without personal data."""
