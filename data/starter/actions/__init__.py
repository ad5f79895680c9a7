"""Fernway's actions, run by rasa-sdk.

models, shop, dates, seed and database need only SQLAlchemy; desk and the rest need rasa-sdk.
"""
