import json

import httpx2
import pytest

from bot.channels.base import Undeliverable
from bot.channels.callback import CallbackChannel
from bot.dialogue.messages import Reply
from bot.errors import ParleyError, Unavailable
from bot.reply import Sender, Slower


def channel(answer, posted=None):
    def respond(request):
        if posted is not None:
            posted.append(json.loads(request.content))
        if isinstance(answer, Exception):
            raise answer
        return httpx2.Response(answer)

    client = httpx2.AsyncClient(transport=httpx2.MockTransport(respond))
    return CallbackChannel("http://shop.example/callback", client)


async def say(channel, reply):
    for part in channel.render(reply):
        await channel.send(reply, part)


async def test_each_part_of_a_reply_is_posted_in_order():
    posted: list[dict] = []
    await say(channel(200, posted), Reply("anna", "One.\n\nTwo.", image="https://i"))
    assert posted == [
        {"recipient_id": "anna", "text": "One."},
        {"recipient_id": "anna", "text": "Two."},
        {"recipient_id": "anna", "image": "https://i"},
    ]


@pytest.mark.parametrize("answer", [500, 503, 429, httpx2.ConnectError("refused")])
async def test_what_may_work_later_is_to_be_tried_again(answer):
    with pytest.raises(Unavailable, match=r"shop\.example"):
        await say(channel(answer), Reply("anna", "hi"))


@pytest.mark.parametrize("answer", [302, 400, 404])
async def test_what_will_never_work_is_given_up(answer):
    with pytest.raises(Undeliverable, match=str(answer)):
        await say(channel(answer), Reply("anna", "hi"))


@pytest.mark.parametrize(("said", "seconds"), [("7", 7), ("", None), ("Sun, 22 Nov 2026", None)])
async def test_a_service_that_is_busy_may_say_when_to_come_again(said, seconds):
    def respond(request):
        return httpx2.Response(429, headers={"retry-after": said})

    client = httpx2.AsyncClient(transport=httpx2.MockTransport(respond))
    with pytest.raises(Unavailable) as raised:
        await say(CallbackChannel("http://shop.example/callback", client), Reply("anna", "hi"))
    assert isinstance(raised.value, Slower) == (seconds is not None)
    assert seconds in (None, raised.value.retry_after_s)


def test_it_is_a_channel_that_sends():
    assert isinstance(channel(200), Sender)


@pytest.mark.parametrize("answer", [500, 404, httpx2.ConnectError("to user:secret@shop.example")])
async def test_no_error_holds_what_the_address_has_beside_its_host(answer):
    def respond(request):
        if isinstance(answer, Exception):
            raise answer
        return httpx2.Response(answer)

    client = httpx2.AsyncClient(transport=httpx2.MockTransport(respond))
    url = "http://user:secret@shop.example/secret?token=secret"
    with pytest.raises(ParleyError, match=r"shop\.example") as raised:
        await say(CallbackChannel(url, client), Reply("anna", "hi"))
    assert "secret" not in str(raised.value)
