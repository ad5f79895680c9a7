"""Decisions about a conversation: pure, no I/O, no clock, no framework."""
