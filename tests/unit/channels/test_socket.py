import json

import pytest
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tests.serving import echo_app

CONVERSATION = "Zm9vYmFyYmF6cXV4"
ADDRESS = f"/webhooks/web/socket?conversation={CONVERSATION}"


@pytest.fixture
def client():
    with TestClient(echo_app()) as client:
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
    with client.websocket_connect(f"{ADDRESS}&after=0") as socket:
        hello = socket.receive_json()
    assert (hello["type"], hello["seq"]) == ("hello", 0)


def test_a_message_is_confirmed_and_answered_in_order_of_the_log(client):
    with client.websocket_connect(ADDRESS) as socket:
        until(socket, "hello")
        say(socket, "hi")
        frames = turn(socket)
    assert frames[0] == {"type": "typing", "on": True}
    assert said(frames) == [(1, "user", "hi"), (2, "bot", "hi")]
    assert next(f for f in frames if f["type"] == "message")["id"] == "m-1"


def test_a_message_sent_again_is_not_doubled(client):
    with client.websocket_connect(ADDRESS) as socket:
        until(socket, "hello")
        say(socket, "hi")
        turn(socket)
        say(socket, "hi")
        assert said(turn(socket)) == []


def test_a_page_that_comes_back_is_told_what_it_missed(client):
    with client.websocket_connect(ADDRESS) as socket:
        until(socket, "hello")
        say(socket, "hi")
        turn(socket)
    with client.websocket_connect(f"{ADDRESS}&after=1") as socket:
        frames = until(socket, "hello")
    assert said(frames) == [(2, "bot", "hi")]
    assert frames[-1]["seq"] == 3


def test_a_page_that_has_seen_another_log_is_told_all(client):
    with client.websocket_connect(ADDRESS) as socket:
        until(socket, "hello")
        say(socket, "hi")
        turn(socket)
    with client.websocket_connect(f"{ADDRESS}&after=999") as socket:
        assert len(said(until(socket, "hello"))) == 2


def test_what_others_log_is_told_live(client):
    with client.websocket_connect(ADDRESS) as socket:
        until(socket, "hello")
        path = f"/conversations/web:{CONVERSATION}/tracker/events"
        client.post(path, json={"event": "agent", "text": "Ana here"})
        frames = until(socket, "message")
    assert (frames[-1]["from"], frames[-1]["text"]) == ("agent", "Ana here")


def test_two_pages_of_one_conversation_see_the_same(client):
    with (
        client.websocket_connect(ADDRESS) as one,
        client.websocket_connect(ADDRESS) as other,
    ):
        until(one, "hello")
        until(other, "hello")
        say(one, "hi")
        first = until(other, "message")
        assert said([*first, *until(other, "message")]) == said(turn(one))


def test_a_ping_is_answered(client):
    with client.websocket_connect(ADDRESS) as socket:
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
    with client.websocket_connect(ADDRESS) as socket:
        until(socket, "hello")
        socket.send_text(frame)
        error = socket.receive_json()
        assert (error["type"], error["id"]) == ("error", message_id)
        assert error["message"]
        say(socket, "hi")
        assert len(said(turn(socket))) == 2


def test_a_binary_frame_is_told(client):
    with client.websocket_connect(ADDRESS) as socket:
        until(socket, "hello")
        socket.send_bytes(b"\x00\xff")
        assert "binary" in socket.receive_json()["message"]


def test_a_frame_that_is_too_large_ends_the_connection(client):
    with client.websocket_connect(ADDRESS) as socket:
        until(socket, "hello")
        socket.send_text("x" * 70_000)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 1009


def test_an_answer_that_takes_too_long_is_told_with_the_message(client):
    with client.websocket_connect(ADDRESS) as socket:
        until(socket, "hello")
        say(socket, "slow", "m-9")
        error = until(socket, "error")[-1]
    assert (error["id"], error["reason"]) == ("m-9", "Timeout")


def test_an_unexpected_failure_is_told_without_detail(client):
    with client.websocket_connect(ADDRESS) as socket:
        until(socket, "hello")
        say(socket, "broken", "m-9")
        error = until(socket, "error")[-1]
    assert (error["id"], error["reason"]) == ("m-9", "InternalError")
    assert "secret" not in error["message"]


@pytest.mark.parametrize(
    ("address", "headers", "reason"),
    [
        ("/webhooks/web/socket", {}, "BadRequest"),
        ("/webhooks/web/socket?conversation=short", {}, "BadRequest"),
        (ADDRESS, {"Origin": "https://evil.example"}, "Refused"),
    ],
)
def test_who_may_not_connect_is_told_why_and_sent_away(client, address, headers, reason):
    with client.websocket_connect(address, headers=headers) as socket:
        assert socket.receive_json()["reason"] == reason
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 1008


@pytest.mark.parametrize("after", ["", "x", "-1", "9" * 40, "\u0661"])
def test_a_strange_after_is_taken_as_none_seen(client, after):
    with client.websocket_connect(f"{ADDRESS}&after={after}") as socket:
        assert until(socket, "hello")[-1]["seq"] == 0


def test_open_sockets_are_counted(client):
    with client.websocket_connect(ADDRESS) as socket:
        until(socket, "hello")
        assert "parley_sockets 1.0" in client.get("/metrics").text
    assert "parley_sockets 0.0" in client.get("/metrics").text


def test_a_page_that_is_new_is_told_earlier_sessions_too(client):
    path = f"/conversations/web:{CONVERSATION}/tracker/events"
    for text in ("first", "second"):
        client.post(path, json=[{"event": "session_started"}, {"event": "user", "text": text}])
    with client.websocket_connect(ADDRESS) as socket:
        frames = until(socket, "hello")
    assert said(frames) == [(2, "user", "first"), (4, "user", "second")]


def test_a_page_is_told_the_latest_of_a_long_history(client):
    path = f"/conversations/web:{CONVERSATION}/tracker/events"
    said_before = [{"event": "user", "text": f"t{n}"} for n in range(250)]
    client.post(path, json=[{"event": "session_started"}, *said_before])
    with client.websocket_connect(ADDRESS) as socket:
        frames = said(until(socket, "hello"))
    assert (len(frames), frames[0][2], frames[-1][2]) == (200, "t50", "t249")
