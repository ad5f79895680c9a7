"""Messages lose their personal data before anything is stored, where the settings ask for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from bot.dialogue.messages import Message
from bot.errors import SettingsError
from bot.privacy.scrub import Scrubber
from bot.settings import Settings
from nlu.parse import Parse

IS_EXTERNAL = "is_external"  # in the metadata of what no user said
Clean = Callable[[Message], Message]


def cleaning(settings: Settings) -> Clean:
    """What every message goes through on its way in. Raises SettingsError.

    A user's text, what it was parsed to and the strings of its metadata are scrubbed; a value
    keeps its placeholder within its conversation. The parse of what a program says stays.
    """
    if not settings.scrub and not settings.scrub_patterns:
        return unchanged
    if settings.scrub_key is None:
        raise SettingsError(
            "PARLEY_SCRUB needs PARLEY_SCRUB_KEY: a long random text that only the servers know."
        )
    key = settings.scrub_key.get_secret_value().encode()
    scrubber = Scrubber(settings.scrub, patterns=settings.scrub_patterns, key=key)

    def clean(message: Message) -> Message:
        def scrubbed(value: Any) -> Any:
            return _scrubbed(value, scrubber, message.conversation_id)

        parse = message.parse
        if parse is not None and message.reminder is None and not message.metadata.get(IS_EXTERNAL):
            parse = msgspec.convert(scrubbed(msgspec.to_builtins(parse)), Parse)
        return msgspec.structs.replace(
            message, text=scrubbed(message.text), metadata=scrubbed(message.metadata), parse=parse
        )

    return clean


def unchanged(message: Message) -> Message:
    """What cleans nothing."""
    return message


def _scrubbed(value: Any, scrubber: Scrubber, scope: str) -> Any:
    match value:
        case str():
            return scrubber.scrub(value, scope=scope).text
        case list() | tuple():
            return [_scrubbed(each, scrubber, scope) for each in value]
        case dict():
            return {key: _scrubbed(each, scrubber, scope) for key, each in value.items()}
        case _:
            return value
