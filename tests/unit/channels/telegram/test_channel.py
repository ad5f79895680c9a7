import json

import httpx2
import pytest

from bot.channels.base import Begins, Delivery, Place, Refused, Undeliverable
from bot.channels.telegram.channel import SECRET, open_telegram
from bot.dialogue.messages import Reply
from bot.errors import ParleyError, SettingsError, Unavailable
from bot.reply import Doubtful, Sender

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


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr("bot.channels.telegram.channel.TRY_AGAIN_S", (0, 0))


def test_it_is_a_channel_that_sends_and_begins():
    assert isinstance(opened(), Sender)
    assert isinstance(opened(), Begins)


async def test_it_registers_where_updates_go_and_their_secret():
    posted = []
    await opened(posted=posted, webhook_url="https://b.example/w", secret_token="s-1").begin()
    ((url, body),) = posted
    assert url == f"https://api.telegram.org/bot{TOKEN}/setWebhook"
    assert (body["url"], body["secret_token"]) == ("https://b.example/w", "s-1")


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


async def test_a_call_that_did_not_get_through_is_made_again():
    posted = []
    slow = (429, {"ok": False, "description": "Too Many", "parameters": {"retry_after": 0}})
    channel = opened(httpx2.ConnectError("no"), slow, posted=posted)
    await channel.send(Reply("7", "hi"))
    assert len(posted) == 3


async def test_nothing_said_yet_may_be_said_later():
    with pytest.raises(Unavailable, match="cannot be reached"):
        await opened(*[httpx2.ConnectError("no")] * 3).send(Reply("7", "hi"))
    long = (429, {"parameters": {"retry_after": 3600}})
    with pytest.raises(Unavailable) as slow:
        await opened(long).send(Reply("7", "hi"))
    assert slow.value.retry_after_s == 3600


async def test_half_a_reply_is_not_said_from_the_beginning():
    channel = opened(200, *[httpx2.ConnectError("no")] * 3)
    with pytest.raises(Doubtful, match="Part 2"):
        await channel.send(Reply("7", "one\n\ntwo"))


@pytest.mark.parametrize(
    "answer", [502, httpx2.ReadTimeout("slow"), httpx2.RemoteProtocolError("")]
)
async def test_what_may_have_arrived_is_not_sent_again(answer):
    posted = []
    with pytest.raises(Doubtful):
        await opened(answer, posted=posted).send(Reply("7", "hi"))
    assert len(posted) == 1


@pytest.mark.parametrize("answer", [400, 401, 403, 302])
async def test_what_is_refused_is_given_up_with_the_reason(answer):
    told = (answer, {"ok": False, "description": "Forbidden: bot was blocked by the user"})
    with pytest.raises(Undeliverable, match="blocked"):
        await opened(told).send(Reply("7", "hi"))


@pytest.mark.parametrize(
    "answer", [400, 429, 500, httpx2.ConnectError(TOKEN), httpx2.ReadError("")]
)
async def test_no_error_holds_the_token(answer):
    with pytest.raises(ParleyError) as raised:
        await opened(*[answer] * 3).send(Reply("7", "hi"))
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
