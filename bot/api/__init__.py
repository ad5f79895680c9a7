"""The HTTP API: conversations, model, health, and the one shape of an error."""
