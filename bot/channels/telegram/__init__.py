"""Telegram's Bot API as a channel (https://core.telegram.org/bots/api)."""
