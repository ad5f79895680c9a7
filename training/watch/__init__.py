"""Whether what users write now is what the model was made for, and how the bot does."""
