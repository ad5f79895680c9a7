"""Which sentences are worth a person's look: one file for each way to find them."""
