import json

import pytest

from bot.settings import Settings
from tests.serving import echo_app, served

WEBHOOK = "/webhooks/rest/webhook"


@pytest.fixture
async def client():
    async with served(echo_app()) as client:
        yield client


async def test_a_message_is_answered_in_rasas_shape(client):
    answer = await client.post(WEBHOOK, json={"sender": "anna", "message": "hi"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == [
        {"recipient_id": "anna", "text": "hi"},
        {"recipient_id": "anna", "text": "hi"},
    ]


@pytest.mark.parametrize("body", [b'{"sender": "anna", "message": "hi"}', b"not json", b'["a"]'])
async def test_parameters_that_mean_nothing_change_nothing(client, body):
    plain, longer = [await client.post(WEBHOOK + query, content=body) for query in ("", "?to=us")]
    assert (plain.status_code, plain.json()) == (longer.status_code, longer.json())
    assert plain.headers.items() == longer.headers.items()


async def test_nothing_is_read_from_the_webhook(client):
    answer = await client.get(WEBHOOK)
    assert (answer.status_code, answer.json()["reason"]) == (405, "MethodNotAllowed")


async def test_a_stream_has_one_object_per_line(client):
    answer = await client.post(f"{WEBHOOK}?stream=true", json={"sender": "a", "message": "hi"})
    lines = answer.text.splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["hi", "hi"]


async def test_json_is_read_under_any_content_type(client):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json"):
        answer = await client.post(
            WEBHOOK, content=b'{"message": "hi"}', headers={"Content-Type": kind}
        )
        assert answer.status_code == 200
        assert answer.json()[0]["recipient_id"] == "default"


async def test_a_repeated_id_gets_the_stored_answer(client):
    said = {"sender": "anna", "message": "hi", "message_id": "m-1"}
    first, again = [await client.post(WEBHOOK, json=said) for _ in range(2)]
    assert first.json() == again.json() != []
    tracker = (await client.get("/conversations/anna/tracker")).json()
    assert [e["text"] for e in tracker["events"] if e["event"] == "user"] == ["hi"]


async def test_a_repeated_id_with_other_words_is_refused(client):
    headers = {"Idempotency-Key": "m-1"}
    await client.post(WEBHOOK, json={"sender": "a", "message": "hi"}, headers=headers)
    answer = await client.post(WEBHOOK, json={"sender": "a", "message": "ho"}, headers=headers)
    assert (answer.status_code, answer.json()["reason"]) == (422, "DuplicateMessageId")


async def test_an_answer_that_is_not_ready_in_time_is_504(client):
    answer = await client.post(WEBHOOK, json={"sender": "a", "message": "slow"})
    assert (answer.status_code, answer.json()["reason"]) == (504, "Timeout")


async def test_no_message_is_no_answer(client):
    assert (await client.post(WEBHOOK, json={"sender": "a"})).json() == []


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"not json", 400, "BadRequest"),
        (b"", 400, "BadRequest"),
        (b"\xff", 400, "BadRequest"),
        (b"[" * 100_000, 400, "BadRequest"),
        (b'["a"]', 422, "ValidationError"),
        (b'{"message": {"a": 1}}', 422, "ValidationError"),
        (b'{"message": "x", "sender": "%s"}' % (b"s" * 256), 422, "ValidationError"),
        (b'{"message": "%s"}' % (b"x" * 20_001), 413, "MessageTooLong"),
        (b'{"message": "%s"}' % (b"x" * 1_048_576), 413, "BodyTooLarge"),
    ],
)
async def test_bad_input_is_refused_with_a_problem(client, body, status, reason):
    answer = await client.post(WEBHOOK, content=body)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert answer.json()["status"] == "failure"


async def test_a_body_without_a_length_is_limited_too():
    async def endless():
        while True:
            yield b" " * 1000

    async with served(echo_app(Settings(max_body_bytes=10_000))) as client:
        answer = await client.post(WEBHOOK, content=endless())
    assert (answer.status_code, answer.json()["reason"]) == (413, "BodyTooLarge")


@pytest.mark.parametrize(
    "text", ["\\ud800", "a\\u0000b", "\\u202e\u05e9\u05dc", "\\u001b[31m", "😀" * 99]
)
async def test_strange_characters_are_answered(client, text):
    body = f'{{"sender": "s{text}", "message": "{text}", "metadata": {{"{text}": "{text}"}}}}'
    answer = await client.post(WEBHOOK, content=body.encode())
    assert answer.status_code == 200
    assert answer.json()[0]["text"]


async def test_callback_says_success_and_accepts_the_message(client):
    answer = await client.post("/webhooks/callback/webhook", json={"sender": "a", "message": "hi"})
    assert (answer.status_code, answer.text) == (200, "success")


@pytest.mark.parametrize("channel", ["rest", "callback", "web"])
async def test_a_configured_channel_is_healthy(client, channel):
    answer = await client.get(f"/webhooks/{channel}/")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_a_channel_that_is_not_configured_is_404_naming_those_that_are(client):
    for answer in (
        await client.get("/webhooks/telegram/"),
        await client.post("/webhooks/telegram/webhook", json={}),
    ):
        assert answer.status_code == 404
        assert "callback, rest, web" in answer.json()["message"]
