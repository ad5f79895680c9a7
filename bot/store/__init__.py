"""Where conversations are kept: SQL is the truth, Redis makes it quick."""
