"""What comes in from a channel and what goes back to it."""

from __future__ import annotations

from typing import Any

import msgspec

from nlu.parse import Parse


class Reminding(msgspec.Struct, frozen=True, gc=False):
    """The reminder a message comes from: its name, and whether what a user says ends it."""

    name: str
    kill_on_user_msg: bool = False


class Message(msgspec.Struct, frozen=True, gc=False):
    """What a channel delivered, checked.

    ``message_id`` is the provider's or the client's; empty means none was given, and such a
    message is never a duplicate. ``channel`` is the adapter's name, ``input_channel`` the one
    written into events (Rasa lets a client choose it), ``output_channel`` the one that
    response variations are matched with (Rasa's REST channel calls its own ``collector``).
    ``parse`` is there when nothing is to be understood, as the API or a reminder says an intent;
    ``reminder`` names the reminder.
    """

    conversation_id: str
    text: str
    channel: str = "rest"
    account: str = ""
    message_id: str = ""
    input_channel: str | None = "rest"
    output_channel: str = "collector"
    metadata: dict[str, Any] = {}
    received: float = 0.0  # seconds since the epoch
    parse: Parse | None = None
    reminder: Reminding | None = None


class Reply(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One thing to send: everything of one bot utterance. Encodes to Rasa's REST shape."""

    recipient_id: str
    text: str | None = None
    buttons: tuple[dict[str, Any], ...] = ()
    quick_replies: tuple[dict[str, Any], ...] = ()
    elements: tuple[dict[str, Any], ...] = ()
    image: str | None = None
    attachment: Any = None
    custom: Any = None  # in Rasa a bot author may say any JSON
