"""Who may call: people and what they may do, their passwords and sessions, JWTs of other hosts."""
