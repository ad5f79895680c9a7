import json

import pytest

from bot.channels.telegram.buttons import handle, keyboard, payload_of, title_of
from bot.channels.telegram.updates import message_of
from bot.dialogue.events import BotUttered
from bot.errors import BadRequest

CHAT = {"message_id": 5, "chat": {"id": -77, "type": "group"}, "from": {"language_code": "de"}}
LONG = '/inform{"order": "' + "ü" * 60 + '"}'


def said(content, **options):
    message = message_of({"update_id": 3, "message": {**CHAT, **content}}, **options)
    return message and message.text


def test_a_text_belongs_to_its_chat_and_has_its_updates_number():
    message = message_of({"update_id": 3, "message": {**CHAT, "text": "hi"}})
    assert (message.conversation_id, message.message_id, message.text) == ("-77", "3", "hi")
    assert message.metadata == {"telegram_message_id": 5, "language_code": "de"}


def test_an_edited_text_is_said_anew():
    assert message_of({"update_id": 4, "edited_message": {**CHAT, "text": "ho"}}).text == "ho"


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("/start@parley_bot", "/start"),
        ("/start@Parley_Bot now", "/start now"),
        ("/start@other_bot", "/start@other_bot"),
        ("mail me@example.org", "mail me@example.org"),
        ("/a@b", "/a@b"),
    ],
)
def test_a_command_to_the_bot_is_heard_without_its_name(text, heard):
    assert said({"text": text}, bot="parley_bot") == heard


def test_a_place_is_said_as_rasa_says_it():
    assert json.loads(said({"location": {"longitude": 13.4, "latitude": 52}})) == {
        "lng": 13.4,
        "lat": 52,
    }


def test_an_attachment_says_its_caption_or_the_intent_given_to_it():
    photo = {"photo": [{"file_id": "f"}]}
    assert said(photo) is None
    assert said({**photo, "caption": "broken"}) == "broken"
    assert said(photo, attachment_intent="show") == "/show"
    update = {"update_id": 3, "message": {**CHAT, **photo, "caption": "broken"}}
    assert message_of(update).metadata["attachments"] == photo


@pytest.mark.parametrize("kind", ["my_chat_member", "poll", "channel_post"])
def test_other_updates_say_nothing(kind):
    assert message_of({"update_id": 3, kind: CHAT}) is None


@pytest.mark.parametrize("update", [None, [], {}, {"update_id": "3", "message": CHAT}])
def test_what_is_no_update_is_refused(update):
    with pytest.raises(BadRequest, match="update_id"):
        message_of(update)


@pytest.mark.parametrize("chat", [None, {}, {"id": "7"}])
def test_a_message_without_a_chat_is_refused(chat):
    with pytest.raises(BadRequest, match="chat"):
        message_of({"update_id": 3, "message": {"chat": chat, "text": "hi"}})


def test_a_short_payload_goes_out_as_it_is_and_a_long_one_as_a_handle():
    assert handle("/greet") == "/greet"
    assert len(handle(LONG).encode()) <= 64
    assert handle(LONG) != handle(LONG + " ")


def test_the_payload_of_a_handle_is_found_among_what_the_bot_said():
    buttons = [{"title": "This", "payload": LONG}, {"title": "That", "payload": "/that"}]
    events = [BotUttered(text="?", data={"buttons": None}), BotUttered(data={"buttons": buttons})]
    assert payload_of(handle(LONG), events) == LONG
    assert payload_of(handle(LONG + "!"), events) is None


@pytest.mark.parametrize("odd", [5, "ab", ["x", None], {"a": 1}])
def test_buttons_of_no_shape_are_passed_over(odd):
    events = [BotUttered(data={"buttons": odd}), BotUttered(data={"buttons": [{"payload": LONG}]})]
    assert payload_of(handle(LONG), events) == LONG


def test_a_pressed_button_is_known_by_its_title_too():
    markup = keyboard([{"title": "This", "payload": LONG}])
    assert title_of(handle(LONG), {"reply_markup": markup}) == "This"
    assert title_of("other", {"reply_markup": markup}) is None
    assert title_of("other", {"reply_markup": {"inline_keyboard": [None, [None]]}}) is None


def test_buttons_without_a_title_are_left_out_and_links_open():
    found = keyboard([{"title": ""}, {"title": "Shop", "url": "https://s.example"}])
    assert found == {"inline_keyboard": [[{"text": "Shop", "url": "https://s.example"}]]}
    assert keyboard([{"title": " "}]) is None


def test_short_buttons_are_beside_each_other_and_others_below():
    def rows(*titles):
        buttons = [{"title": title, "payload": "/x"} for title in titles]
        return [len(row) for row in keyboard(buttons)["inline_keyboard"]]

    assert rows("Yes", "No") == [2]
    assert rows("A", "B", "C", "D") == [1, 1, 1, 1]
    assert rows("A very long title it is", "Another one") == [1, 1]
