import asyncio
import json

import httpx2
import pytest

from bot.api.schemas import ParseBody
from nlu import http
from nlu.errors import NluUnavailable
from nlu.http import open_remote
from nlu.parse import Context, Entity, Intent

ANSWER = {
    "text": "order me tea",
    "intent": {"name": "order", "confidence": 0.93},
    "entities": [
        {"entity": "item", "value": "tea", "start": 9, "end": 12, "extractor": "x", "more": 1}
    ],
    "intent_ranking": [
        {"name": "order", "confidence": 0.93},
        {"name": "greet", "confidence": 0.05},
    ],
    "response_selector": {"default": {"response": {}}},
    "text_tokens": [[0, 5], [6, 8], [9, 12]],
    "unknown": True,
}


def server(answer, *, status=200, seen=None):
    def handle(request):
        if seen is not None:
            seen.append(request)
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return httpx2.Response(status, content=content)

    return httpx2.MockTransport(handle)


async def ask(transport, text="order me tea", **options):
    async with open_remote("http://nlu.test/", transport=transport, **options) as remote:
        return await remote.parse(text)


async def test_another_servers_answer_is_a_parse():
    seen = []
    parse = await ask(server(ANSWER, seen=seen), token="s3cret")
    assert parse.intent == Intent("order", 0.93)
    assert parse.entities == (Entity(entity="item", value="tea", start=9, end=12, extractor="x"),)
    assert [intent.name for intent in parse.intent_ranking] == ["order", "greet"]
    assert parse.response_selector == {"default": {"response": {}}}
    assert parse.text_tokens == ((0, 5), (6, 8), (9, 12))
    assert str(seen[0].url) == "http://nlu.test/model/parse?token=s3cret"
    assert json.loads(seen[0].content) == {"text": "order me tea", "token": "s3cret"}


async def test_another_server_is_told_what_went_before():
    seen = []
    context = Context("When?", "delivery_time", ("send me a lamp", "hi\ud800"), at=3.0)
    async with open_remote("http://nlu.test", transport=server(ANSWER, seen=seen)) as remote:
        await remote.parse("tomorrow", context)
    body = json.loads(seen[0].content)
    assert body.pop("text") == "tomorrow"
    read = ParseBody(text="", **body).context.read()
    assert (read.bot_text, read.requested_slot) == ("When?", "delivery_time")
    assert read.earlier[0] == "send me a lamp"
    assert len(read.earlier) == 2


async def test_headers_and_credentials_are_sent():
    seen = []
    await ask(server(ANSWER, seen=seen), headers={"X-Bot": "1"}, basic_auth=("ada", "pw"))
    assert seen[0].headers["x-bot"] == "1"
    assert seen[0].headers["authorization"].startswith("Basic ")
    assert "token" not in str(seen[0].url)


@pytest.mark.parametrize(
    "answer",
    [{}, {"intent": None}, {"intent": {}}, {"intent": {"name": None, "confidence": 0.0}}],
)
async def test_an_answer_without_intent_means_nothing(answer):
    parse = await ask(server(answer))
    assert parse.intent == Intent()
    assert parse.intent_ranking == ()
    assert parse.text == "order me tea"


@pytest.mark.parametrize(("told", "known"), [({"grain": "day"}, {"grain": "day"}), ("day", None)])
async def test_what_duckling_said_of_an_entity_is_kept(told, known):
    entity = {"entity": "time", "value": "x", "start": 0, "end": 5, "additional_info": told}
    parse = await ask(server({"entities": [entity]}))
    assert parse.entities[0].additional_info == known


async def test_an_entity_without_places_is_the_whole_text():
    parse = await ask(server({"entities": [{"entity": "item", "value": {"id": 3}}]}))
    assert parse.entities == (Entity(entity="item", value={"id": 3}, start=0, end=12),)


@pytest.mark.parametrize(
    "answer",
    [b"", b"<html>", b"[]", b"null", b"\xff", b'{"intent": 3}', b'{"entities": [{}]}',
     b'{"intent": {"name": "a", "confidence": "high"}}', b"[" * 100_000,
     b'{"response_selector": {"a": ' + b"[" * 100_000],
)  # fmt: skip
async def test_an_answer_that_is_no_parse_is_unavailable(answer):
    with pytest.raises(NluUnavailable, match="answered no parse"):
        await ask(server(answer))


@pytest.mark.parametrize("status", [204, 302, 401, 404, 500, 503])
async def test_any_other_status_is_unavailable(status):
    with pytest.raises(NluUnavailable, match=f"answered {status}"):
        await ask(server(ANSWER, status=status))


async def test_an_endless_answer_is_cut_off(monkeypatch):
    monkeypatch.setattr(http, "LARGEST_ANSWER", 1000)
    with pytest.raises(NluUnavailable, match="more than 1000 bytes"):
        await ask(server(b" " * 2000))


async def test_a_server_that_is_not_there_is_unavailable():
    with pytest.raises(NluUnavailable, match="cannot be reached"):
        async with open_remote("http://127.0.0.1:9", timeout_s=2) as remote:
            await remote.parse("hello")


async def test_a_server_that_is_silent_is_unavailable_in_time():
    released = asyncio.Event()

    async def silent(reader, writer):
        await released.wait()
        writer.close()

    listening = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        async with open_remote(f"http://127.0.0.1:{port}", timeout_s=0.05) as remote:
            with pytest.raises(NluUnavailable):
                await remote.parse("hello")
            assert remote.queue_length == 0
        released.set()


async def test_a_text_no_encoder_can_write_is_still_sent():
    seen = []
    parse = await ask(server({}, seen=seen), text="a\ud800b")
    assert json.loads(seen[0].content)["text"] == parse.text == "a\ufffdb"
