"""What a bot does: responses, forms, built-in actions, and a project's own over HTTP."""
