"""Which of many answers fits: FAQ entries by a question, responses by the dialogue so far."""
