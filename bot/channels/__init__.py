"""Messaging services, each an adapter from its payloads to Message and from Reply to its payloads."""
