import json
from pathlib import Path

import pytest

from bot.channels.base import Delivery, parts
from bot.channels.rest import RestChannel
from bot.dialogue.messages import Reply
from bot.door import WrongShape
from bot.errors import BadRequest

GOLDEN = Path(__file__).parents[4] / "shared" / "rasa-golden" / "responses.json"


def delivery(body, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Delivery(json.dumps(body).encode(), named, {})


def test_a_message_without_a_sender_is_of_the_default_conversation():
    (message,) = RestChannel().parse(delivery({"message": "hi", "sender": None}))
    assert message.conversation_id == "default"


def test_a_number_may_be_the_sender():
    (message,) = RestChannel().parse(delivery({"message": "hi", "sender": 42}))
    assert message.conversation_id == "42"


@pytest.mark.parametrize("body", [{"sender": "a"}, {"message": None}])
def test_no_text_is_no_message(body):
    assert RestChannel().parse(delivery(body)) == ()


def test_an_empty_text_is_a_message_as_in_rasa():
    (message,) = RestChannel().parse(delivery({"message": ""}))
    assert message.text == ""


def test_the_input_channel_is_the_clients_choice_and_the_output_channel_is_not():
    said = {"sender": "a", "message": "hi", "input_channel": "kiosk", "metadata": {"k": 1}}
    (message,) = RestChannel().parse(delivery(said))
    assert (message.input_channel, message.output_channel) == ("kiosk", "collector")
    assert message.metadata == {"k": 1}


def test_the_same_id_in_body_and_header_is_one_id():
    said = {"message": "hi", "message_id": "m-1"}
    (message,) = RestChannel().parse(delivery(said, idempotency_key='"m-1"'))
    assert message.message_id == "m-1"


def test_other_ids_in_body_and_header_are_refused():
    said = {"message": "hi", "message_id": "m-1"}
    with pytest.raises(BadRequest, match="message_id is 'm-1' but Idempotency-Key is 'm-2'"):
        RestChannel().parse(delivery(said, idempotency_key="m-2"))


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"message": ["hi"]}, "message"),
        ({"message": "hi", "sender": {"a": 1}}, "sender"),
        ({"message": "hi", "sender": "s" * 256}, "sender"),
        ({"message": "hi", "sender": ""}, "sender"),
        ({"message": "hi", "metadata": "m"}, "metadata"),
        ({"message": "hi", "message_id": "m" * 256}, "message_id"),
        ([], "the body"),
    ],
)
def test_a_body_of_the_wrong_shape_is_refused_by_name(body, where):
    with pytest.raises(WrongShape) as raised:
        RestChannel().parse(delivery(body))
    assert raised.value.details["errors"][0]["where"] == where


def test_text_is_split_at_blank_lines():
    assert parts(Reply("a", "One\nstill one.\n\nTwo.\n\n\nThree.\n")) == [
        {"recipient_id": "a", "text": "One\nstill one."},
        {"recipient_id": "a", "text": "Two."},
        {"recipient_id": "a", "text": "\nThree."},
    ]


def test_text_with_buttons_is_not_split():
    button = {"title": "A", "payload": "/a"}
    reply = Reply("a", "One.\n\nTwo.", buttons=(button,))
    assert parts(reply) == [{"recipient_id": "a", "text": "One.\n\nTwo.", "buttons": [button]}]


def test_parts_come_in_rasas_order():
    reply = Reply(
        "a",
        "Text",
        elements=({"title": "T", "subtitle": "S"},),
        image="https://i",
        attachment={"type": "file"},
        custom={"c": 1},
    )
    said = [next(key for key in part if key != "recipient_id") for part in parts(reply)]
    assert said == ["text", "custom", "image", "attachment", "text"]


def test_replies_are_split_as_rasa_split_them():
    """Each utterance that Rasa logged, as one Reply, becomes the messages Rasa sent."""
    if not GOLDEN.exists():
        pytest.skip("shared/rasa-golden is absent")
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    steps = [step for conversation in golden["conversations"] for step in conversation["steps"]]
    compared = 0
    for step in steps:
        said = [event for event in step.get("new_events", []) if event["event"] == "bot"]
        if not said:
            continue
        messages = [
            {key: value for key, value in part.items() if key != "recipient_id"}
            for event in said
            for part in parts(_reply(event))
        ]
        assert messages == step["bot"]
        compared += 1
    assert compared > 30


def _reply(event):
    lists = {"buttons", "quick_replies", "elements"}
    data = {k: tuple(v) if k in lists else v for k, v in event["data"].items()}
    return Reply("a", event["text"], **data)


@pytest.mark.parametrize(
    ("query", "output"), [("true", "queue"), ("", "collector"), ("no", "collector")]
)
def test_a_stream_is_another_output_as_in_rasa(query, output):
    asked = Delivery(b'{"message": "hi"}', {}, {"stream": query})
    (message,) = RestChannel().parse(asked)
    assert (message.output_channel, message.input_channel) == (output, "rest")
