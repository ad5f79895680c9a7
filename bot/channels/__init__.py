"""Messaging services, each an adapter: its payloads to Message, Reply to its payloads."""
