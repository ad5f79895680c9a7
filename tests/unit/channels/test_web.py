import json

import pytest

from bot.channels.base import Delivery, Refused
from bot.channels.web import WebChannel
from bot.dialogue.events import ActionExecuted, AgentUttered, BotUttered, UserUttered
from bot.errors import BadRequest

CONVERSATION = "Zm9vYmFyYmF6cXV4"


def delivery(frame=None, *, conversation=CONVERSATION, **headers):
    body = json.dumps(frame or {"type": "ping"}).encode()
    return Delivery(body, {"host": "shop.example:5005", **headers}, {"conversation": conversation})


@pytest.mark.parametrize("origin", ["http://shop.example:5005", "https://SHOP.example:5005"])
def test_a_page_of_this_host_may_connect(origin):
    WebChannel().verify(delivery(origin=origin))


def test_a_client_that_is_no_browser_may_connect():
    WebChannel().verify(delivery())


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://shop.example"])
def test_a_page_of_another_host_may_not_connect(origin):
    with pytest.raises(Refused, match="PARLEY_CORS"):
        WebChannel().verify(delivery(origin=origin))


def test_a_page_of_a_host_that_settings_name_may_connect():
    WebChannel(origins=["https://www.shop.example"]).verify(
        delivery(origin="https://www.shop.example")
    )
    WebChannel(origins=["*"]).verify(delivery(origin="https://any.example"))


@pytest.mark.parametrize("conversation", ["", "short", "a" * 65, "a b" * 8, "é" * 16, "../../../x"])
def test_a_conversation_that_could_be_guessed_or_is_malformed_is_refused(conversation):
    with pytest.raises(BadRequest, match="16 to 64"):
        WebChannel().parse(delivery(conversation=conversation))


def test_a_message_carries_the_conversation_and_its_id():
    frame = {"type": "message", "id": "m-1", "text": "hi"}
    (message,) = WebChannel().parse(delivery(frame))
    assert message.conversation_id == f"web:{CONVERSATION}"
    assert (message.message_id, message.text) == ("m-1", "hi")


def test_a_ping_is_no_message():
    assert WebChannel().parse(delivery({"type": "ping"})) == ()


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "message", "text": "no id"},
        {"type": "message", "id": "m", "text": "  "},
        {"type": "message", "id": "m" * 256, "text": "x"},
        {"type": "command"},
        {},
    ],
)
def test_other_frames_are_refused(frame):
    with pytest.raises(BadRequest):
        WebChannel().parse(Delivery(json.dumps(frame).encode(), {}, {"conversation": "c" * 16}))


def test_a_user_is_shown_with_the_id_of_the_message():
    event = UserUttered(text="hi", message_id="m-1", timestamp=1.5)
    assert WebChannel().frames("web:c", 7, event) == [
        {"type": "message", "seq": 7, "from": "user", "timestamp": 1.5, "text": "hi", "id": "m-1"}
    ]


def test_all_parts_of_an_utterance_are_one_frame():
    button = {"title": "Yes", "payload": "/yes"}
    data = {"buttons": [button], "image": "https://i", "attachment": "https://i", "custom": None}
    event = BotUttered(text="Look.\n\nNice?", data=data, timestamp=2.0)
    (frame,) = WebChannel().frames("web:c", 8, event)
    assert frame["from"] == "bot"
    assert frame["text"] == "Look.\n\nNice?"
    assert frame["buttons"] == [button]
    assert frame["image"] == "https://i"
    assert "attachment" not in frame
    assert "custom" not in frame


def test_a_person_of_the_shop_is_shown_as_agent():
    (frame,) = WebChannel().frames("web:c", 9, AgentUttered(text="Ana here", data=None))
    assert (frame["from"], frame["text"]) == ("agent", "Ana here")


@pytest.mark.parametrize(
    "event",
    [
        ActionExecuted(name="action_listen"),
        UserUttered(text="EXTERNAL: remind"),
        UserUttered(text=None),
        BotUttered(text=None, data={"buttons": "nonsense"}),
    ],
)
def test_what_nobody_said_is_not_shown(event):
    assert WebChannel().frames("web:c", 1, event) == []
