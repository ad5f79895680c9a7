import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.telegram.rendering import calls, pieces, units
from bot.dialogue.messages import Reply

FAMILY = "👩‍👩‍👧"


def call(**reply):
    (only,) = calls(Reply("7", **reply))
    assert only.pop("chat_id") == "7"
    return only


@given(st.text(), st.integers(8, 40))
def test_pieces_fit_and_lose_nothing_but_space(text, most):
    found = list(pieces(text, most))
    assert all(0 < units(piece) <= most for piece in found)
    assert "".join("".join(found).split()) == "".join(text.split())


def test_pieces_end_with_lines_or_words():
    assert list(pieces("one two\nthree four", 12)) == ["one two", "three four"]
    assert list(pieces("one two three four", 12)) == ["one two", "three four"]
    assert list(pieces("x" * 25, 10)) == ["x" * 10, "x" * 10, "x" * 5]


def test_what_is_seen_as_one_is_not_broken():
    assert list(pieces("a" + FAMILY * 2, 10)) == ["a" + FAMILY, FAMILY]


def test_the_buttons_go_with_the_last_piece():
    said = calls(Reply("7", text="word " * 1000, buttons=({"title": "Yes", "payload": "/y"},)))
    assert ["reply_markup" in each for each in said] == [False, True]


def test_buttons_alone_say_something():
    assert call(buttons=({"title": "Yes", "payload": "/y"},))["text"] == "…"


@pytest.mark.parametrize(
    ("attachment", "said"),
    [
        ("https://s.example/a.pdf?x=1", {"method": "sendDocument", "document": "{}"}),
        ("https://s.example/a.MP4", {"method": "sendVideo", "video": "{}"}),
        ("https://s.example/a", {"method": "sendMessage", "text": "{}"}),
        ("a.pdf", {"method": "sendMessage", "text": "{}"}),
        ({"type": "audio", "payload": {"src": "https://s.example/a.mp3"}}, None),
    ],
)
def test_an_attachment_is_sent_as_what_it_is(attachment, said):
    if said is None:
        said = {"method": "sendAudio", "audio": attachment["payload"]["src"]}
    expected = {key: value.format(attachment) for key, value in said.items()}
    assert call(attachment=attachment) == expected


def test_an_image_is_a_photo():
    assert call(image="https://i.example/a") == {
        "method": "sendPhoto",
        "photo": "https://i.example/a",
    }


@pytest.mark.parametrize(
    ("custom", "method"),
    [
        ({"latitude": 52, "longitude": 13}, "sendLocation"),
        ({"latitude": 52, "longitude": 13, "title": "t", "address": "a"}, "sendVenue"),
        ({"phone_number": "1", "first_name": "A"}, "sendContact"),
        ({"sticker": "s"}, "sendSticker"),
        ({"method": "sendDice", "emoji": "🎲"}, "sendDice"),
    ],
)
def test_a_custom_reply_is_the_call_it_describes(custom, method):
    assert call(custom=custom) == {**custom, "method": method}


def test_any_other_custom_reply_is_said_as_json():
    assert call(custom={"card": 7}) == {"method": "sendMessage", "text": '{"card": 7}'}
