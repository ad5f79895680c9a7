import asyncio
import json
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import OctKey
from starlette.websockets import WebSocketDisconnect

from bot.channels.socket import MOST_UNANSWERED, Page
from bot.channels.web import Options, Visitor, WebChannel
from bot.limits import Limits
from bot.settings import Settings
from tests.serving import echo_app

HERE = "http://localhost"
ADDRESS = "/webhooks/web/socket"
OLD = "0123456789abcdef" * 3


@contextmanager
def page(client, ticket="", **more):
    """A page that has begun, and the frame that says of what."""
    with client.websocket_connect(ADDRESS) as socket:
        socket.send_json({"type": "begin", "ticket": ticket, **more})
        begun = socket.receive_json()
        assert begun["type"] == "begun"
        yield socket, begun


@pytest.fixture
def client():
    with TestClient(echo_app(), base_url=HERE) as client:
        yield client


def say(socket, text, message_id="m-1"):
    socket.send_json({"type": "message", "id": message_id, "text": text})


def until(socket, kind):
    """The frames up to the first of ``kind``, that one included."""
    frames = []
    while not frames or frames[-1]["type"] != kind:
        frames.append(socket.receive_json())
    return frames


def turn(socket):
    """The frames up to the end of a turn."""
    frames = []
    while not frames or frames[-1] != {"type": "typing", "on": False}:
        frames.append(socket.receive_json())
    return frames


def said(frames):
    return [(f["seq"], f["from"], f["text"]) for f in frames if f["type"] == "message"]


def test_a_new_conversation_is_greeted_with_seq_0(client):
    with page(client) as (socket, _):
        hello = socket.receive_json()
    assert (hello["type"], hello["seq"]) == ("hello", 0)


def test_a_message_is_confirmed_and_answered_in_order_of_the_log(client):
    with page(client) as (socket, _):
        until(socket, "hello")
        say(socket, "hi")
        frames = turn(socket)
    assert frames[0] == {"type": "typing", "on": True}
    assert said(frames) == [(1, "user", "hi"), (2, "bot", "hi")]
    assert next(f for f in frames if f["type"] == "message")["id"] == "m-1"


def test_a_message_sent_again_is_not_doubled(client):
    with page(client) as (socket, _):
        until(socket, "hello")
        say(socket, "hi")
        turn(socket)
        say(socket, "hi")
        assert said(turn(socket)) == []


def test_a_page_that_comes_back_is_told_what_it_missed(client):
    with page(client) as (socket, begun):
        until(socket, "hello")
        say(socket, "hi")
        turn(socket)
    with page(client, begun["ticket"], after=1) as (socket, _):
        frames = until(socket, "hello")
    assert said(frames) == [(2, "bot", "hi")]
    assert frames[-1]["seq"] == 3


def test_a_page_that_has_seen_another_log_is_told_all(client):
    with page(client) as (socket, begun):
        until(socket, "hello")
        say(socket, "hi")
        turn(socket)
    with page(client, begun["ticket"], after=999) as (socket, _):
        assert len(said(until(socket, "hello"))) == 2


def test_what_others_log_is_told_live(client):
    with page(client) as (socket, begun):
        until(socket, "hello")
        path = f"/conversations/web:{begun['conversation']}/tracker/events"
        assert client.post(path, json={"event": "agent", "text": "Ana here"}).is_success
        frames = until(socket, "message")
    assert (frames[-1]["from"], frames[-1]["text"]) == ("agent", "Ana here")


def test_two_pages_of_one_conversation_see_the_same(client):
    with page(client) as (one, begun), page(client, begun["ticket"]) as (other, _):
        until(one, "hello")
        until(other, "hello")
        say(one, "hi")
        first = until(other, "message")
        assert said([*first, *until(other, "message")]) == said(turn(one))


def test_a_ping_is_answered(client):
    with page(client) as (socket, _):
        until(socket, "hello")
        socket.send_json({"type": "ping"})
        assert socket.receive_json() == {"type": "pong"}


@pytest.mark.parametrize(
    ("frame", "message_id"),
    [
        ("", None),
        ("{", None),
        ("[]", None),
        ("[" * 10_000, None),
        ('{"type": "dance"}', None),
        ('{"type": "message", "id": "m-1"}', "m-1"),
        ('{"type": "message", "id": "m-1", "text": 7}', "m-1"),
        (json.dumps({"type": "message", "id": "m-1", "text": "x" * 20_001}), "m-1"),
    ],
)
def test_garbage_is_told_and_the_line_stays_open(client, frame, message_id):
    with page(client) as (socket, _):
        until(socket, "hello")
        socket.send_text(frame)
        error = socket.receive_json()
        assert (error["type"], error["id"]) == ("error", message_id)
        assert error["message"]
        say(socket, "hi")
        assert len(said(turn(socket))) == 2


def test_a_binary_frame_is_told(client):
    with page(client) as (socket, _):
        until(socket, "hello")
        socket.send_bytes(b"\x00\xff")
        assert "binary" in socket.receive_json()["message"]


def test_a_frame_that_is_too_large_ends_the_connection(client):
    with page(client) as (socket, _):
        until(socket, "hello")
        socket.send_text("x" * 70_000)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 1009


def test_an_answer_that_takes_too_long_is_told_with_the_message(client):
    with page(client) as (socket, _):
        until(socket, "hello")
        say(socket, "slow", "m-9")
        error = until(socket, "error")[-1]
    assert (error["id"], error["reason"]) == ("m-9", "Timeout")


def test_an_unexpected_failure_is_told_without_detail(client):
    with page(client) as (socket, _):
        until(socket, "hello")
        say(socket, "broken", "m-9")
        error = until(socket, "error")[-1]
    assert (error["id"], error["reason"]) == ("m-9", "InternalError")
    assert "secret" not in error["message"]


@pytest.mark.parametrize(
    ("first", "headers", "reason"),
    [
        ('{"type": "message", "id": "m", "text": "hi"}', {}, "ValidationError"),
        ("[" * 10_000, {}, "BadRequest"),
        ('{"type": "begin", "after": -1}', {}, "ValidationError"),
        ('{"type": "begin", "ticket": 7}', {}, "ValidationError"),
        (b"{}", {}, "BadRequest"),
        (None, {"Origin": "https://evil.example"}, "Refused"),
    ],
)
def test_who_may_not_connect_is_told_why_and_sent_away(client, first, headers, reason):
    with client.websocket_connect(ADDRESS, headers=headers) as socket:
        if isinstance(first, bytes):
            socket.send_bytes(first)
        elif first is not None:
            socket.send_text(first)
        assert socket.receive_json()["reason"] == reason
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 1008


def test_who_connects_and_says_nothing_is_sent_away(client, monkeypatch):
    monkeypatch.setattr("bot.channels.socket.BEGIN_S", 0.0)
    with client.websocket_connect(ADDRESS) as socket:
        assert "should begin" in socket.receive_json()["message"]


def test_nobody_reads_a_conversation_by_knowing_its_id(client):
    with page(client) as (socket, begun):
        until(socket, "hello")
        say(socket, "my card number is 4242")
        turn(socket)
    conversation, issued, signature = begun["ticket"].split(".")
    assert conversation == begun["conversation"]
    with TestClient(echo_app(), base_url=HERE) as elsewhere, page(elsewhere) as (_, foreign):
        foreign_signature = foreign["ticket"].split(".")[2]
    for ticket in (
        conversation,
        f"web:{conversation}",
        f"{conversation}.{issued}.{foreign_signature}",
        f"{conversation}.{int(issued) + 1}.{signature}",
        foreign["ticket"],
    ):
        with page(client, ticket) as (socket, given):
            assert given["conversation"] != conversation
            assert said(until(socket, "hello")) == []


@pytest.mark.parametrize("channel", ["rest", "callback"])
def test_a_visitors_conversation_is_not_reached_as_the_sender_of_another_channel(client, channel):
    with page(client) as (socket, begun):
        until(socket, "hello")
        sender = f"web:{begun['conversation']}"
        answer = client.post(
            f"/webhooks/{channel}/webhook", json={"sender": sender, "message": "what did I say?"}
        )
        assert answer.status_code == 400
        assert sender not in answer.text


def test_a_page_from_before_tickets_takes_its_conversation_up_while_that_is_allowed():
    event = {"event": "user", "text": "from before"}
    for until_day, conversation in (("2023-12-31", OLD), ("2023-01-01", None), (None, None)):
        settings = Settings(visitor_adopt_until=until_day)
        with TestClient(echo_app(settings), base_url=HERE) as client:
            client.post(f"/conversations/web:{OLD}/tracker/events", json=event)
            with page(client, OLD) as (socket, begun):
                known = begun["conversation"] == OLD
                assert known == (conversation is not None)
                assert (said(until(socket, "hello")) != []) == known
            with page(client, begun["ticket"]) as (_, again):
                assert again["conversation"] == begun["conversation"]


def test_an_old_id_that_nothing_was_said_in_is_not_taken_up():
    with (
        TestClient(echo_app(Settings(visitor_adopt_until="2023-12-31")), base_url=HERE) as client,
        page(client, OLD) as (_, begun),
    ):
        assert begun["conversation"] != OLD


def test_a_page_whose_identity_ends_is_sent_away():
    now = 1_700_000_000
    claims = {"sub": "anna", "exp": now + 5}
    token = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key("s" * 32))
    channel = WebChannel(Options(identity_keys=("s" * 32,)))
    app = echo_app(channels={"web": channel})
    with TestClient(app, base_url=HERE) as client:
        parley = app.state.running.parley
        frames = []
        with client.websocket_connect(ADDRESS) as socket:
            for _ in range(10):  # the clock of the tests goes on by a second each time
                parley.clock()
            socket.send_json({"type": "begin", "identity": token})
            frames.append(socket.receive_json())
    assert "identity" in frames[0]["message"]


def test_the_chat_page_can_be_switched_off():
    app = echo_app(channels={})
    with TestClient(app, base_url=HERE) as client, client.websocket_connect(ADDRESS) as socket:
        assert "switched off" in socket.receive_json()["message"]


def test_open_sockets_are_counted(client):
    with page(client) as (socket, _):
        until(socket, "hello")
        assert "parley_sockets 1.0" in client.get("/metrics").text
    assert "parley_sockets 0.0" in client.get("/metrics").text


def test_a_page_that_is_new_is_told_earlier_sessions_too(client):
    with page(client) as (_, begun):
        path = f"/conversations/web:{begun['conversation']}/tracker/events"
    for text in ("first", "second"):
        client.post(path, json=[{"event": "session_started"}, {"event": "user", "text": text}])
    with page(client, begun["ticket"]) as (socket, _):
        frames = until(socket, "hello")
    assert said(frames) == [(2, "user", "first"), (4, "user", "second")]


def test_a_page_is_told_the_latest_of_a_long_history(client):
    with page(client) as (_, begun):
        path = f"/conversations/web:{begun['conversation']}/tracker/events"
    said_before = [{"event": "user", "text": f"t{n}"} for n in range(250)]
    client.post(path, json=[{"event": "session_started"}, *said_before])
    with page(client, begun["ticket"]) as (socket, _):
        frames = said(until(socket, "hello"))
    assert (len(frames), frames[0][2], frames[-1][2]) == (200, "t50", "t249")


async def test_of_many_messages_that_come_at_once_so_many_are_in_hand_and_no_more():
    told = []

    class Told:
        client = None

        async def send_text(self, text):
            told.append(json.loads(text))

    class Never:
        async def answer(self, message, timeout_s):
            await asyncio.Event().wait()

    server = SimpleNamespace(
        parley=SimpleNamespace(clock=lambda: 0.0),
        limits=Limits(),
        inbox=Never(),
        settings=Settings(),
    )
    page = Page(Told(), WebChannel(), Visitor("web:anna"), server)
    for number in range(MOST_UNANSWERED + 4):
        frame = {"type": "message", "id": f"m-{number}", "text": "hi"}
        await page._take(json.dumps(frame).encode())
    try:
        assert [frame["reason"] for frame in told] == ["Unavailable"] * 4
    finally:
        for task in page._tasks:
            task.cancel()
        await asyncio.gather(*page._tasks, return_exceptions=True)
