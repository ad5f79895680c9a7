"""What users, clients and action servers should not send, sent to a real `parley run`."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bot.store import schema
from tests.command import WEBHOOK, Run, running, until, write
from tests.servers import Postgres, Valkey

pytestmark = pytest.mark.services

APOLOGY = "Sorry, something went wrong on our side."
KEYS = {"version", "status", "message", "reason", "details", "help", "code", "type", "title"}


class Actions:
    """An action server that answers what a test tells it to; ``let`` holds its answers up."""

    def __init__(self) -> None:
        self.answer: tuple[int, bytes] = (200, b"{}")
        self.asked, self.let = threading.Event(), threading.Event()
        self.let.set()
        actions = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                actions.asked.set()
                actions.let.wait(60)
                status, body = actions.answer
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: a test says what went wrong."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/webhook"


@pytest.fixture(scope="module")
def actions() -> Iterator[Actions]:
    actions = Actions()
    threading.Thread(target=actions.server.serve_forever, daemon=True).start()
    yield actions
    actions.let.set()
    actions.server.shutdown()
    actions.server.server_close()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, actions: Actions) -> Path:
    endpoints = f"action_endpoint: {{url: '{actions.url}', timeout_s: 0.5}}\n"
    return write(tmp_path_factory.mktemp("project"), **{"endpoints.yml": endpoints})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Iterator[Run]:
    with running(project, tmp_path_factory.mktemp("home")) as run:
        yield run
        assert "Traceback" not in run.printed()
        assert run.end() == 0


def users(run: Run, sender: str) -> list[str]:
    return [event["text"] for event in run.events(sender) if event["event"] == "user"]


@pytest.mark.parametrize(
    "text",
    [
        "order 4711 please",
        "😀😀 4711 👍🏽",
        "👨‍👩‍👧‍👦 and 🇩🇪: 4711",
        "שלום, ההזמנה שלי 4711 בבקשה",
        "\u202e\u0645\u0631\u062d\u0628\u0627 4711\u202c ok",
        "e\u0301a\u0300 ZA\u0335LGO\u0336 4711",
        "\U0001d4b6\U0001d4b7 \ud800 4711",
        "a\x00\x07\x1b[31m 4711",
    ],
)
@pytest.mark.parametrize("escaped", [True, False])
def test_entities_stand_where_code_points_say(run: Run, text: str, escaped: bool):
    if not escaped:
        text = text.replace("\ud800", "\ufffd")  # no UTF-8 can hold it as it is
    sender = f"offsets {hash(text)} {escaped}"
    body = json.dumps({"sender": sender, "message": text, "text": text}, ensure_ascii=escaped)
    assert run.client.post(WEBHOOK, content=body.encode()).status_code == 200
    parsed = run.client.post("/model/parse", content=body.encode()).json()
    (user,) = [event for event in run.events(sender) if event["event"] == "user"]
    said = text.replace("\ud800", "\ufffd").replace("\x00", "\ufffd")
    said = said.replace("\x07", "").replace("\x1b", "")  # of controls only white space is kept
    assert user["text"] == said
    for parse in (parsed, user["parse_data"]):
        (entity,) = parse["entities"]
        assert parse["text"] == said
        assert (entity["start"], entity["end"]) == (said.index("4711"), said.index("4711") + 4)
        assert entity["value"] == "4711"


@pytest.mark.parametrize(
    "text",
    [
        *("", " \n\t", "\x00", "\x1b[2J\x07\x08", "\ud83d", "\udc00\ud800", "\u202e", "\ufeff"),
        *("x" * 10_000, "😀" * 5_000, "4711 " * 4_000, "(" * 10_000, "\n" * 10_000),
        *("/", "/greet{", '/greet{"name": ', '/greet{"name": {}}', "/nowhere", "/act@2", "/ greet"),
        "/greet" + "[" * 5_000,
    ],
)
def test_strange_texts_are_answered_and_the_conversation_goes_on(run: Run, text: str):
    sender = f"strange {hash(text)}"
    answer = run.client.post(WEBHOOK, content=json.dumps({"sender": sender, "message": text}))
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json(), list)
    assert run.client.post("/model/parse", content=json.dumps({"text": text})).status_code in (
        200,
        400,  # no text at all
    )
    assert run.say('/greet{"name": "Ada"}', sender) == ["Hello Ada."]


@pytest.mark.parametrize(("size", "status"), [(1_000_000, 413), (1_048_577, 413), (20_001, 413)])
def test_a_message_that_is_too_large_is_refused_and_not_logged(run: Run, size: int, status: int):
    sender = f"large {size}"
    for path, key in ((WEBHOOK, "message"), ("/model/parse", "text")):
        answer = run.client.post(path, json={"sender": sender, key: "x" * size})
        assert answer.status_code == status
        assert answer.json().keys() >= KEYS
    assert users(run, sender) == []


@pytest.mark.parametrize("body", ["", "{", "[]", "7", "null", '"x"', "\ud800", "[[[" * 30_000])
@pytest.mark.parametrize("path", [WEBHOOK, "/model/parse", "/conversations/odd/tracker/events"])
def test_a_body_that_is_no_object_is_refused(run: Run, path: str, body: str):
    if body == "[]" and path.endswith("events"):
        return  # a list of no events is one
    answer = run.client.post(path, content=body.encode("utf-8", "surrogatepass"))
    assert answer.status_code in (400, 422), answer.text
    assert answer.json().keys() >= KEYS


@pytest.mark.parametrize(
    "body",
    [
        {"sender": "odd", "message": {"text": "hello"}},
        {"sender": "odd", "message": ["hello"]},
        {"sender": ["odd"], "message": "hello"},
        {"sender": "odd", "message": "hello", "metadata": "x"},
        {"sender": "odd", "message": "hello", "input_channel": {}},
        {"sender": "odd", "message": "hello", "message_id": "x" * 1000},
        {"sender": "o" * 10_000, "message": "hello"},
    ],
)
def test_fields_of_the_wrong_kind_are_refused_by_name(run: Run, body: dict[str, Any]):
    answer = run.client.post(WEBHOOK, json=body)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem.keys() >= KEYS
    (where,) = [name for name, value in body.items() if value not in ("odd", "hello")]
    assert where in problem["message"]
    assert users(run, "odd") == []


@pytest.mark.parametrize("event", [{"event": "nothing"}, {"event": "slot"}, {"event": 7}, {}, "x"])
def test_events_that_are_none_are_refused_and_none_is_logged(run: Run, event: Any):
    path = "/conversations/nobody/tracker/events"
    answer = run.client.post(path, json=[{"event": "slot", "name": "name", "value": "A"}, event])
    assert answer.status_code in (400, 422)
    assert answer.json().keys() >= KEYS
    assert not [event for event in run.events("nobody") if event["event"] == "slot"]


@pytest.mark.parametrize("sender", ["never was", "../../etc", "%00", "😀", "x" * 200])
def test_an_unknown_conversation_is_shown_as_it_would_begin(run: Run, sender: str):
    answer = run.client.get(f"/conversations/{sender.replace('/', '%2F')}/tracker")
    assert answer.status_code == 200
    tracker = answer.json()
    assert [event["event"] for event in tracker["events"]] == [
        "action",
        "session_started",
        "action",
    ]
    assert tracker["slots"]["name"] is None


def test_a_route_that_is_none_is_404_in_the_same_form(run: Run):
    for path in ("/nowhere", "/webhooks/nothing/webhook", "/conversations/ann"):
        answer = run.client.post(path, json={})
        assert answer.status_code in (404, 405)
        assert answer.json().keys() >= KEYS


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"\x00\xff garbage"),
        (200, b"<html></html>"),
        (200, b"[]"),
        (200, b'{"events": 7}'),
        (200, b'{"responses": ["x"]}'),
        (200, b'{"events": [{"event": "fly"}]}'),
        (200, b'{"events": [{"event": "slot", "name": "name", "value": "half"}, {"event": 7}]}'),
        (200, b'{"events": [{"event": "slot"}], "responses": [{"text": "half"}]}'),
        (200, b'{"events": ' + b"[" * 20_000 + b"}"),
        (200, b'{"responses": [{"text": "' + b"x" * 9_000_000 + b'"}]}'),
        (404, b'{"error": "no such action"}'),
        (500, b"boom"),
        (302, b""),
    ],
)
def test_an_action_server_that_answers_nonsense_is_apologised_for(
    run: Run, actions: Actions, status: int, body: bytes
):
    actions.answer = (status, body)
    sender = f"nonsense {status} {hash(body)}"
    (apology,) = run.say("/act", sender)
    assert apology
    assert apology.startswith(APOLOGY)
    assert not any(event["event"] == "slot" and event["value"] for event in run.events(sender))
    assert run.say('/greet{"name": "Ada"}', sender) == ["Hello Ada."]


def test_an_action_server_that_is_slow_is_apologised_for_in_time(run: Run, actions: Actions):
    actions.let.clear()
    actions.answer = (200, b'{"responses": [{"text": "too late"}]}')
    try:
        (apology,) = run.say("/act", "slow")
    finally:
        actions.let.set()
    assert apology
    assert apology.startswith(APOLOGY)
    assert run.say('/greet{"name": "Ada"}', "slow") == ["Hello Ada."]


def test_an_action_server_that_is_not_there_is_apologised_for(tmp_path: Path, project: Path):
    variables = {"PARLEY_ACTIONS_URL": "http://127.0.0.1:9/webhook"}
    with running(project, tmp_path, variables) as run:
        (apology,) = run.say("/act")
        assert apology
        assert apology.startswith(APOLOGY)
        assert run.say('/greet{"name": "Ada"}') == ["Hello Ada."]


def test_a_redis_that_is_killed_comes_back_and_the_conversation_goes_on(run: Run):
    assert run.say('/greet{"name": "Ada"}', "redis") == ["Hello Ada."]
    (redis,) = run.children()
    os.kill(redis, signal.SIGKILL)
    assert run.say("hello", "redis") == ["Hello Ada."]
    until(lambda: run.client.get("/ready").status_code == 200, "the return of Redis")
    assert run.children() != [redis]
    assert run.say("hello", "redis") == ["Hello Ada."]
    assert users(run, "redis") == ['/greet{"name": "Ada"}', "hello", "hello"]


def test_a_database_that_is_lost_in_a_turn_leaves_nothing_half_written(
    tmp_path: Path, project: Path, actions: Actions, own_postgres: Postgres, own_valkey: Valkey
):
    schema.upgrade(own_postgres.url("postgres"))
    variables = {
        "PARLEY_DATABASE_URL": own_postgres.url("postgres"),
        "PARLEY_REDIS_URL": own_valkey.url,
        "PARLEY_ACTIONS_URL": actions.url,
    }
    name = '{"event": "slot", "name": "name", "value": "Ada"}'
    actions.answer = (200, f'{{"events": [{name}], "responses": [{{"text": "done"}}]}}'.encode())
    with running(project, tmp_path, variables) as run:
        assert run.say("hello") == ["Hello None."]
        before = run.events()
        actions.asked.clear()
        actions.let.clear()
        body = {"sender": "ann", "message": "/act", "message_id": "m-1"}
        statuses: list[int] = []
        client = threading.Thread(
            target=lambda: statuses.append(run.client.post(WEBHOOK, json=body).status_code)
        )
        client.start()
        assert actions.asked.wait(30)
        own_postgres.stop()  # in the middle of the turn
        actions.let.set()
        client.join(60)
        assert statuses == [503]
        refused = run.client.post(WEBHOOK, json={"sender": "ann", "message": "hello"})
        assert (refused.status_code, refused.json()["reason"]) == (503, "Unavailable")
        whole = run.client.get("/conversations/ann/tracker?include_events=ALL")
        assert whole.status_code == 503
        own_postgres.start()
        assert run.say("/act", message_id="m-1") == ["done"]
        after = run.events()
        assert after[: len(before)] == before
        assert [event["text"] for event in after if event["event"] == "user"] == ["hello", "/act"]
        assert run.say("hello") == ["Hello Ada."]
