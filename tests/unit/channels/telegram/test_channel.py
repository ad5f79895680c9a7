import json

import httpx2
import pytest

from bot.channels.base import Begins, Delivery, Place, Refused, Undeliverable
from bot.channels.telegram.channel import SECRET, open_telegram
from bot.dialogue.messages import Reply
from bot.errors import ParleyError, SettingsError, Unavailable
from bot.reply import Doubtful, Sender, Slower

TOKEN = "123:secret-token"


def opened(*answers, posted=None, **credentials):
    left = list(answers)

    def respond(request):
        if posted is not None:
            posted.append((str(request.url), json.loads(request.content)))
        answer = left.pop(0) if left else 200
        if isinstance(answer, Exception):
            raise answer
        status, body = answer if isinstance(answer, tuple) else (answer, {"ok": True})
        return httpx2.Response(status, json=body)

    client = httpx2.AsyncClient(transport=httpx2.MockTransport(respond))
    return open_telegram({"access_token": TOKEN, **credentials}, Place(client))


async def say(channel, text="hi"):
    reply = Reply("7", text)
    for part in channel.render(reply):
        await channel.send(reply, part)


def test_it_is_a_channel_that_sends_and_begins():
    assert isinstance(opened(), Sender)
    assert isinstance(opened(), Begins)


async def test_it_registers_where_updates_go_and_their_secret():
    posted = []
    await opened(posted=posted, webhook_url="https://b.example/w", secret_token="s-1").begin()
    ((url, body),) = posted
    assert url == f"https://api.telegram.org/bot{TOKEN}/setWebhook"
    assert (body["url"], body["secret_token"]) == ("https://b.example/w", "s-1")


@pytest.mark.parametrize("answer", [502, httpx2.ReadTimeout("slow")])
async def test_what_may_have_been_registered_is_registered_again(answer):
    with pytest.raises(Unavailable):
        await opened(answer, webhook_url="https://b.example/w").begin()


async def test_without_an_address_it_registers_nothing():
    posted = []
    await opened(posted=posted).begin()
    assert posted == []


@pytest.mark.parametrize("given", ["", "wrong", "s-3", "S-1", "ß"])
def test_an_update_without_a_secret_of_the_webhook_is_refused(given):
    channel = opened(secret_token=["s-1", "s-2"])
    with pytest.raises(Refused):
        channel.verify(Delivery(b"{}", {SECRET: given}, {}))
    for secret in ("s-1", "s-2"):  # the new and the old one, while it changes
        channel.verify(Delivery(b"{}", {SECRET: secret}, {}))


def test_without_a_secret_of_its_own_one_is_derived_that_does_not_tell_the_token():
    channel = opened()
    with pytest.raises(Refused):
        channel.verify(Delivery(b"{}", {}, {}))
    (secret,) = channel._credentials.secrets
    assert TOKEN not in secret
    channel.verify(Delivery(b"{}", {SECRET: secret}, {}))


async def test_a_text_that_begins_like_a_handle_is_a_text():
    async def history(conversation_id):
        raise AssertionError("nothing was pressed")

    update = {"update_id": 1, "message": {"chat": {"id": 7}, "text": "\x1fhello"}}
    channel, delivery = opened(), Delivery(json.dumps(update).encode(), {}, {})
    (message,) = channel.parse(delivery)
    assert await channel.recall(message, delivery, history) == message


async def test_each_part_is_a_call():
    posted = []
    await say(opened(posted=posted), "one\n\ntwo")
    assert [body["text"] for _, body in posted] == ["one", "two"]


async def test_what_did_not_get_through_may_be_said_later():
    with pytest.raises(Unavailable, match="cannot be reached"):
        await say(opened(httpx2.ConnectError("no")))


@pytest.mark.parametrize(("parameters", "seconds"), [({"retry_after": 3600}, 3600), ({}, None)])
async def test_telegram_may_say_when_to_come_again(parameters, seconds):
    slow = (429, {"ok": False, "description": "Too Many Requests", "parameters": parameters})
    with pytest.raises(Unavailable, match="Too Many") as raised:
        await say(opened(slow))
    assert isinstance(raised.value, Slower) == (seconds is not None)
    assert seconds in (None, raised.value.retry_after_s)


@pytest.mark.parametrize(
    "answer", [502, httpx2.ReadTimeout("slow"), httpx2.RemoteProtocolError("")]
)
async def test_what_may_have_arrived_is_not_sent_again(answer):
    posted = []
    with pytest.raises(Doubtful):
        await say(opened(answer, posted=posted))
    assert len(posted) == 1


@pytest.mark.parametrize("answer", [400, 401, 403, 302])
async def test_what_is_refused_is_given_up_with_the_reason(answer):
    told = (answer, {"ok": False, "description": "Forbidden: bot was blocked by the user"})
    with pytest.raises(Undeliverable, match="blocked"):
        await say(opened(told))


@pytest.mark.parametrize(
    "answer", [400, 429, 500, httpx2.ConnectError(TOKEN), httpx2.ReadError("")]
)
async def test_no_error_holds_the_token(answer):
    with pytest.raises(ParleyError) as raised:
        await say(opened(answer))
    assert TOKEN not in str(raised.value)
    assert raised.value.__cause__ is None or TOKEN not in str(raised.value.__cause__)


@pytest.mark.parametrize(
    ("credentials", "what"),
    [
        ({"access_token": None}, "access_token"),
        ({"access_token": ""}, "access_token is empty"),
        ({"secret_token": "two words"}, "1 to 256"),
        ({"secret_token": ["ok", ""]}, "1 to 256"),
    ],
)
def test_wrong_credentials_are_named(credentials, what):
    with pytest.raises(SettingsError, match=what):
        opened(**credentials)
