"""Versions of a project's training data: where every sentence comes from, and who labelled it."""
