"""Nothing that is posted crashes the API: every answer below 500 is JSON in a known shape."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.app import create_app
from bot.settings import Settings
from tests.serving import served
from tests.unit.api.test_steps import tablebot

TEXT = st.text(max_size=12) | st.sampled_from(
    ["", "\x00", "\ud800", "../..", "action_listen", "utter_greet", "greet", "table_form", "name"]
)
SCALAR = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | TEXT
)
JSON = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
NAMES = [
    "user",
    "bot",
    "action",
    "slot",
    "active_loop",
    "form",
    "loop_interrupted",
    "form_validation",
    "undo",
    "restart",
    "rewind",
    "action_execution_rejected",
    "user_featurization",
    "entities",
    "reset_slots",
    "pause",
    "resume",
    "export",
    "session_started",
    "session_ended",
    "followup",
    "reminder",
    "cancel_reminder",
    "agent",
    "nonsense",
]
FIELDS = [
    "name",
    "value",
    "text",
    "parse_data",
    "intent",
    "entities",
    "timestamp",
    "metadata",
    "policy",
    "confidence",
    "action_text",
    "date_time",
    "kill_on_user_msg",
    "data",
    "input_channel",
    "message_id",
    "is_interrupted",
    "validate",
]
PARSE = st.fixed_dictionaries(
    {},
    optional={
        "intent": JSON | st.fixed_dictionaries({"name": TEXT, "confidence": SCALAR}),
        "entities": JSON | st.lists(st.fixed_dictionaries({"entity": TEXT, "value": JSON})),
        "text": SCALAR,
        "response_selector": JSON,
    },
)
EVENT = st.builds(
    lambda name, fields: {"event": name, **fields},
    st.sampled_from(NAMES),
    st.dictionaries(st.sampled_from(FIELDS), JSON | PARSE, max_size=5),
)
TRUE_EVENT = st.one_of(
    st.builds(lambda t: {"event": "user", "text": t, "parse_data": None}, TEXT),
    st.builds(lambda n: {"event": "action", "name": n}, TEXT),
    st.builds(lambda n, v: {"event": "slot", "name": n, "value": v}, TEXT, JSON),
    st.builds(lambda n: {"event": "active_loop", "name": n}, TEXT),
    st.builds(lambda n: {"event": n}, st.sampled_from(["undo", "rewind", "restart", "pause"])),
    st.builds(lambda n: {"event": "followup", "name": n}, TEXT),
)
EVENTS = st.one_of(JSON, EVENT, st.lists(EVENT, max_size=4), st.lists(TRUE_EVENT, max_size=8))
BODIES = {
    "/model/parse": st.fixed_dictionaries({}, optional={"text": JSON, "message_id": JSON}) | JSON,
    "/model/predict": EVENTS,
    "/conversations/{id}/tracker/events": EVENTS,
    "/conversations/{id}/messages": JSON
    | st.fixed_dictionaries(
        {}, optional={"text": SCALAR, "sender": st.just("user") | JSON, "parse_data": PARSE | JSON}
    ),
    "/conversations/{id}/execute": JSON
    | st.fixed_dictionaries({"name": TEXT}, optional={"policy": JSON, "confidence": JSON}),
    "/conversations/{id}/trigger_intent": JSON
    | st.fixed_dictionaries({"name": TEXT}, optional={"entities": JSON | PARSE}),
    "/webhooks/rest/webhook": JSON
    | st.fixed_dictionaries({}, optional={"sender": JSON, "message": JSON, "metadata": JSON}),
}
QUERY = st.dictionaries(
    st.sampled_from(
        ["include_events", "until", "output_channel", "emulation_mode", "execute_side_effects"]
    ),
    st.sampled_from(["", "ALL", "APPLIED", "latest", "callback", "WIT", "true", "1.5", "nan", "x"]),
    max_size=2,
)
UNHURRIED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]  # machines are busy
FUZZ = settings(max_examples=50, deadline=None, suppress_health_check=UNHURRIED)


class Client:
    """A client of one whole Parley, for tests that are not async."""

    def __init__(self, runner: asyncio.Runner, client: httpx2.AsyncClient) -> None:
        self._runner, self._client = runner, client

    def ask(self, method: str, path: str, **more: Any) -> httpx2.Response:
        return self._runner.run(self._client.request(method, path, **more))


@contextmanager
def whole() -> Iterator[Client]:
    app = create_app(Settings(response_timeout_s=10), opening=tablebot)
    with asyncio.Runner() as runner:
        serving = served(app)
        yield Client(runner, runner.run(serving.__aenter__()))
        runner.run(serving.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with whole() as client:
        yield client


def check(answer: httpx2.Response) -> None:
    assert answer.status_code < 500, answer.text
    if answer.is_error:
        problem = answer.json()
        assert (problem["status"], problem["code"]) == ("failure", answer.status_code)
        assert problem["message"].endswith((".", "?"))
    elif answer.content and answer.headers["content-type"] == "application/json":
        answer.json()


@pytest.mark.parametrize("path", BODIES)
@FUZZ
@given(data=st.data())
def test_no_json_crashes_a_route(client: Client, path: str, data: st.DataObject):
    body, query = data.draw(BODIES[path], label="body"), data.draw(QUERY, label="query")
    path = path.replace("{id}", data.draw(st.sampled_from(["a", "b/c", "d"]), label="id"))
    check(client.ask("POST", path, content=json.dumps(body).encode(), params=query))


@pytest.mark.parametrize("path", [*BODIES, "/model/train", "/model/test/stories"])
@FUZZ
@given(body=st.binary(max_size=60))
def test_no_bytes_crash_a_route(client: Client, path: str, body: bytes):
    answer = client.ask("POST", path.replace("{id}", "bytes"), content=body)
    check(answer)


YAML_KEYS = [
    "version",
    "nlu",
    "intent",
    "examples",
    "stories",
    "story",
    "steps",
    "user",
    "action",
    "rules",
    "rule",
    "slots",
    "type",
    "mappings",
    "intents",
    "entities",
    "responses",
    "text",
    "forms",
    "required_slots",
    "pipeline",
    "policies",
    "name",
    "recipe",
    "language",
]
YAML = st.recursive(
    SCALAR | st.sampled_from(YAML_KEYS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(YAML_KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("path", ["/model/test/stories", "/model/test/intents"])
@FUZZ
@given(body=st.dictionaries(st.sampled_from(YAML_KEYS), YAML, max_size=4))
def test_no_training_data_crash_a_route(client: Client, path: str, body: dict[str, Any]):
    check(client.ask("POST", path, content=json.dumps(body).encode()))


@FUZZ
@given(
    body=st.fixed_dictionaries(
        {},
        optional={
            "model_file": SCALAR,
            "model_server": JSON | st.fixed_dictionaries({"url": TEXT}),
            "remote_storage": SCALAR,
        },
    )
)
def test_no_model_that_is_named_crashes_the_server(client: Client, body: dict[str, Any]):
    answer = client.ask("PUT", "/model", content=json.dumps(body).encode())
    if answer.status_code != 503:  # a model server that is not there
        check(answer)


@FUZZ
@given(batches=st.lists(st.lists(TRUE_EVENT, min_size=1, max_size=6), max_size=4))
def test_a_conversation_made_of_any_events_can_be_read_and_goes_on(
    client: Client, batches: list[list[Any]]
):
    conversation = f"any-{hash(json.dumps(batches))}"
    path = f"/conversations/{conversation}"
    for batch in batches:
        body = json.dumps(batch).encode()
        check(client.ask("POST", f"{path}/tracker/events", content=body))
    for view in ("NONE", "APPLIED", "AFTER_RESTART", "ALL"):
        assert client.ask("GET", f"{path}/tracker?include_events={view}").status_code == 200
    assert client.ask("GET", f"{path}/story?all_sessions=true").status_code in (200, 404)
    assert client.ask("POST", f"{path}/predict").status_code in (200, 404)
    said = {"sender": conversation, "message": "hello"}
    assert client.ask("POST", "/webhooks/rest/webhook", json=said).status_code == 200
