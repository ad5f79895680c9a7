"""Entities found without the model."""
