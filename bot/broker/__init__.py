"""Event brokers: every event of the log is handed on to another system, after its commit."""
