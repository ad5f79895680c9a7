"""Fernway's actions, run by rasa-sdk.

models, shop, seed, database, dates and answers need only SQLAlchemy; the rest needs rasa-sdk.
"""
