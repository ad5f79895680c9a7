"""The channels that credentials.yml names, opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx2
import structlog

from bot.channels.base import Channel, OpenChannel, Place, Visitors
from bot.errors import ParleyError, SettingsError
from bot.plugins import find
from bot.settings import Settings

ALWAYS_OPEN = ("rest", "web")
ELSEWHERE = {
    "cmdline": "The terminal's channel is the command `parley shell`.",
    "rasa": "The channel of Rasa X, which is no longer offered; use `rest`, or the API with a JWT.",
}
PARTS = ("name", "verify", "parse", "render")

log = structlog.get_logger(__name__)


def open_channels(
    credentials: Mapping[str, Any],
    settings: Settings,
    client: httpx2.AsyncClient,
    *,
    visitor_keys: Sequence[str] = (),
) -> dict[str, Channel]:
    """The channels that credentials.yml names, and those that need no credentials, by name.

    One that is not offered here is left out with a warning, as a project for Rasa may name any;
    one with ``enabled: false`` is left out. ``visitor_keys`` sign the tickets of the chat page.
    Raises SettingsError for one that is offered and cannot be opened.
    """
    visitors = Visitors(visitor_keys, settings.visitor_days, settings.adopts_until)
    place = Place(client, settings.max_message_chars, settings.cors, visitors)
    channels: dict[str, Channel] = {}
    for name in dict.fromkeys((*ALWAYS_OPEN, *credentials)):
        said = _said_of(name, credentials.get(name))
        if not said.pop("enabled", True):
            log.info("channel.switched_off", channel=name)
            continue
        if hint := ELSEWHERE.get(name):
            log.info("channel.left_out", channel=name, hint=hint)
            continue
        try:
            open_channel: OpenChannel = find("channels", name, folder=settings.project)
        except SettingsError as error:
            log.warning("channel.left_out", channel=name, hint=str(error))
            continue
        channel = _opened(name, open_channel, said, place)
        channels[channel.name] = channel
    return channels


def _said_of(name: str, credentials: Any) -> dict[str, Any]:
    """What credentials.yml says of a channel. Raises SettingsError."""
    said = dict(credentials) if isinstance(credentials, Mapping) else {}
    if not isinstance(said.get("enabled", True), bool):
        raise SettingsError(
            f"credentials.yml: {name}: enabled is {said['enabled']!r}; it should be true or false."
        )
    return said


def _opened(
    name: str, open_channel: OpenChannel, credentials: Mapping[str, Any], place: Place
) -> Channel:
    """Anything may stand behind a dotted path; what is no channel is told in a sentence."""
    try:
        channel = open_channel(credentials, place)
    except ParleyError:
        raise
    except Exception as error:
        raise SettingsError(
            f"credentials.yml: {name} cannot be opened: {type(error).__name__}: {error}. It is "
            "called with its credentials and a bot.channels.base.Place (docs/channels.md)."
        ) from error
    if missing := [part for part in PARTS if not hasattr(channel, part)]:
        raise SettingsError(
            f"credentials.yml: {name} gives a {type(channel).__name__}, which is no channel: it "
            f"has no {', no '.join(missing)} (docs/channels.md)."
        )
    return channel
