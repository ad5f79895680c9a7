"""Dates, times, amounts and the like, found by rules over tokens; no model, no network."""

NAME = "GrammarEntityExtractor"
