from __future__ import annotations

import json
from typing import Any

import pytest

from bot.channels.base import Delivery, Refused
from bot.channels.socketio import Options, SocketioChannel
from bot.channels.sockets import Sockets
from bot.dialogue.messages import Reply
from bot.errors import BadRequest
from bot.reply import Absent

YES = {"title": "Yes", "payload": "/affirm", "extra": "is not sent"}
SAID_YES = {"content_type": "text", "title": "Yes", "payload": "/affirm"}
CARD = {"title": "A", "subtitle": "B", "buttons": [YES]}


@pytest.mark.parametrize(
    ("reply", "emitted"),
    [  # what Rasa 3.6.21 emitted for the same responses
        (Reply("a", "One\n\nTwo"), [{"text": "One"}, {"text": "Two"}]),
        (
            Reply("a", "One\n\nTwo", buttons=(YES,)),
            [{"text": "One", "quick_replies": []}, {"text": "Two", "quick_replies": [SAID_YES]}],
        ),
        (
            Reply("a", buttons=(YES,), quick_replies=(YES, YES)),
            [{"text": "", "quick_replies": [SAID_YES, SAID_YES]}],
        ),
        (
            Reply("a", "S", custom={"data": {"card": 1}}, image="https://x/s.png"),
            [
                {"text": "S"},
                {"card": 1},
                {"attachment": {"type": "image", "payload": {"src": "https://x/s.png"}}},
            ],
        ),
        (
            Reply("a", "El", elements=(CARD,)),
            [
                {"text": "El"},
                {
                    "attachment": {
                        "type": "template",
                        "payload": {"template_type": "generic", "elements": CARD},
                    }
                },
            ],
        ),
        (
            Reply("a", attachment={"type": "file", "payload": {"src": "x"}}),
            [{"attachment": {"type": "file", "payload": {"src": "x"}}}],
        ),
        # Rasa loses the whole turn over a custom map without `data`.
        (Reply("a", custom={"card": 1}), [{"card": 1}]),
        (
            Reply("a", buttons=({"title": "Yes"},)),
            [
                {
                    "text": "",
                    "quick_replies": [{"content_type": "text", "title": "Yes", "payload": "Yes"}],
                }
            ],
        ),
        (Reply("a"), []),
    ],
)
def test_a_reply_is_emitted_as_rasa_emits_it(reply: Reply, emitted: list[Any]) -> None:
    assert SocketioChannel(Options()).render(reply) == emitted


def test_a_message_of_a_session_needs_its_id() -> None:
    channel = SocketioChannel(Options(session_persistence=True))
    with pytest.raises(BadRequest, match="session_id"):
        channel.parse(Delivery(b'{"message": "hi"}', {}, {"sid": "c"}))


def test_without_persistence_a_message_is_of_its_connection_whatever_it_says() -> None:
    event = {"message": "hi", "session_id": "of somebody else"}
    delivery = Delivery(json.dumps(event).encode(), {}, {"sid": "c"})
    (message,) = SocketioChannel(Options()).parse(delivery)
    assert message.conversation_id == "c"


@pytest.mark.parametrize(
    ("origin", "host", "welcome"),
    [
        ("https://shop.example", "bot.example", True),  # named
        ("https://bot.example", "bot.example", True),  # the server's own
        ("https://BOT.example:8443", "bot.example:8443", True),
        ("https://bot.example.evil", "bot.example", False),
        ("null", "bot.example", False),
        ("null", "", False),
        ("", "bot.example", False),
        ("https://evil.example", "", False),
        ("http://[", "bot.example", False),
    ],
)
def test_a_page_connects_from_where_it_may(origin: str, host: str, welcome: bool) -> None:
    channel = SocketioChannel(Options(), origins=("https://shop.example",))
    delivery = Delivery(b"", {"origin": origin, "host": host}, {})
    if welcome:
        channel.verify(delivery)
    else:
        with pytest.raises(Refused, match="PARLEY_CORS"):
            channel.verify(delivery)


async def test_a_reply_for_nobody_is_no_reply_sent() -> None:
    with pytest.raises(Absent, match="'anna'"):
        await SocketioChannel(Options()).send(Reply("anna", "hi"), {"text": "hi"})


def test_who_left_takes_nothing_with_them() -> None:
    sockets = Sockets(namespace="/", event="bot_uttered")
    for sid, conversation in (("1", "a"), ("1", "b"), ("2", "a"), ("1", "a")):
        sockets.join(sid, conversation)
    sockets.leave("1")
    sockets.leave("1")
    assert sockets.connected("a") == {"2"}
    sockets.leave("2")
    assert sockets.connected("a") == sockets.connected("b") == set()
