"""What every channel must do. Subclass it, give ``channel`` and ``delivery``, and run pytest."""

from __future__ import annotations

import msgspec
import pytest

from bot.channels.base import Channel, Delivery
from bot.dialogue.messages import Reply
from bot.door import TooLong
from bot.errors import ParleyError

GARBAGE = (
    b"",
    b"\xff\xfe",
    b"null",
    b"[]",
    b"7",
    b'"text"',
    b"[" * 50_000,
    b'{"message": {"text": [1]}, "text": [1]}',
    b"<xml/>",
)
TEXTS = ("hello", "שלום, קניתי 3 מעילים", "👩‍👩‍👧 ok", "a" * 10_000, "line\nline\ttab", "/greet")


class ChannelContract:
    """The suite. ``most_chars`` is the longest message the channel was opened for."""

    most_chars = 20_000

    @pytest.fixture
    def channel(self) -> Channel:
        """The channel under test, opened with ``most_chars``."""
        raise NotImplementedError

    def delivery(self, text: str, *, message_id: str = "m-1") -> Delivery:
        """What the service delivers when a user writes ``text``."""
        raise NotImplementedError

    @pytest.mark.parametrize("text", TEXTS)
    def test_a_message_has_the_users_text(self, channel: Channel, text: str) -> None:
        delivery = self.delivery(text)
        channel.verify(delivery)
        (message,) = channel.parse(delivery)
        assert message.text == text
        assert message.channel == channel.name
        assert message.conversation_id
        assert message.input_channel
        assert message.output_channel

    def test_a_delivery_that_comes_again_gives_the_same_message(self, channel: Channel) -> None:
        first, again = self.delivery("hi"), self.delivery("hi")
        assert channel.parse(first) == channel.parse(again)

    def test_messages_are_told_apart_by_their_ids(self, channel: Channel) -> None:
        (one,) = channel.parse(self.delivery("hi", message_id="m-1"))
        (two,) = channel.parse(self.delivery("hi", message_id="m-2"))
        assert one.message_id != two.message_id
        assert one.conversation_id == two.conversation_id

    def test_what_no_store_could_keep_is_replaced(self, channel: Channel) -> None:
        (message,) = channel.parse(self.delivery("a\ud800b\x00c"))
        assert message.text == "a\ufffdb\ufffdc"
        assert msgspec.json.encode(message)

    def test_a_message_that_is_too_long_is_refused(self, channel: Channel) -> None:
        with pytest.raises(TooLong):
            channel.parse(self.delivery("a" * (self.most_chars + 1)))

    @pytest.mark.parametrize("body", GARBAGE, ids=lambda body: body[:12].decode("latin-1"))
    def test_garbage_is_refused_or_holds_no_message(self, channel: Channel, body: bytes) -> None:
        proper = self.delivery("hi")
        messages: object = ()
        refusal: ParleyError | None = None
        try:
            messages = channel.parse(Delivery(body, proper.headers, proper.query))
        except ParleyError as refused:
            refusal = refused
        assert not messages
        assert refusal is None or (str(refusal) and 400 <= refusal.status < 500)

    def test_a_reply_is_said_whole(self, channel: Channel) -> None:
        reply = Reply(
            "anna",
            "First.\n\nSecond.",
            buttons=({"title": "Yes", "payload": "/affirm"},),
            image="https://example.org/a.png",
            custom={"card": {"id": 7}},
        )
        said = msgspec.json.encode(channel.render(reply)).decode()
        for part in ("First.", "Second.", "Yes", "https://example.org/a.png"):
            assert part in said
        assert said.index("First.") < said.index("Second.")

    def test_an_empty_reply_says_nothing(self, channel: Channel) -> None:
        assert list(channel.render(Reply("anna"))) == []
