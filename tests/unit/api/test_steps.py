"""A conversation led over HTTP, on a whole Parley in memory."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from bot.actions.remote import RemoteActions
from bot.app import create_app
from bot.inbox import Inbox
from bot.jobs import Jobs
from bot.model.pulling import Pulling
from bot.model.serving import Loaded, Serving
from bot.opening import open_channels
from bot.privacy.incoming import cleaning
from bot.project.load import load_project
from bot.running import Running
from bot.settings import Settings
from bot.testing.services import examples_nlu, memory_services
from tests.serving import served

TABLEBOT = Path(__file__).parents[2] / "data" / "tablebot"


class Nlu:
    """The project's examples, as a server shows its NLU."""

    model_id, queue_length = "m-1", 0

    def __init__(self, project) -> None:
        self.parse = examples_nlu(project).parse


@asynccontextmanager
async def tablebot(settings, metrics):
    project = load_project(TABLEBOT)
    nlu = Nlu(project)
    parley = memory_services(project, nlu, RemoteActions(None))

    @asynccontextmanager
    async def model(name: str):
        yield Loaded(project, parley, nlu, name)

    callback = {"callback": {"url": "http://127.0.0.1:9"}}
    async with (
        httpx2.AsyncClient() as client,
        Serving() as serving,
        Pulling(serving, model) as pulling,
        Jobs() as jobs,
        Inbox(parley, serving=serving) as inbox,
    ):
        await serving.load(model("m-1"))
        channels = open_channels(callback, settings, client)
        yield Running(
            *(settings, serving, inbox, metrics, channels, {}, model, pulling),
            jobs=jobs,
            client=client,
            clean=cleaning(settings),
        )


@pytest.fixture
async def client():
    async with served(create_app(Settings(), opening=tablebot)) as client:
        yield client


async def post(client, path, body=None, conversation="ada", **query):
    return await client.post(f"/conversations/{conversation}/{path}", json=body, params=query)


def names(events):
    return [event["event"] for event in events]


async def test_a_message_is_logged_with_its_slots_and_not_answered(client):
    said = (await post(client, "messages", {"text": "hello, I am Ada", "sender": "user"})).json()
    assert said["latest_message"]["text"] == "hello, I am Ada"
    assert said["slots"]["name"] == "Ada"
    assert "bot" not in names(said["events"])
    assert names(said["events"])[:3] == ["action", "session_started", "action"]


async def test_a_message_is_scrubbed_before_it_is_logged():
    settings = Settings(scrub=("email",), scrub_key="k" * 32)
    meaning = {"entities": [{"entity": "mail", "value": "ada@x.org", "start": 0, "end": 9}]}
    body = {"text": "ada@x.org", "sender": "user", "parse_data": meaning}
    async with served(create_app(settings, opening=tablebot)) as client:
        told = (await post(client, "messages", body)).text
        kept = (await client.get("/conversations/ada/tracker")).text
    assert "ada@x.org" not in told + kept
    assert "<email_" in kept


async def test_a_message_may_bring_its_meaning(client):
    meaning = {"intent": {"name": "goodbye", "confidence": 0.7}, "entities": []}
    body = {"text": "anything", "sender": "user", "parse_data": meaning}
    said = (await post(client, "messages", body)).json()
    assert said["latest_message"]["intent"] == {"name": "goodbye", "confidence": 0.7}


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({"text": "hi", "sender": "bot"}, "sender"),
        ({"text": "hi"}, "sender"),
        ({"sender": "user"}, "text"),
    ],
)
async def test_a_message_of_nobody_or_without_text_is_refused(client, body, parameter):
    answer = await post(client, "messages", body)
    assert answer.status_code == 400
    assert answer.json()["details"] == {"parameter": parameter, "in": "body"}


async def test_what_comes_next_is_told_with_every_score_and_not_done(client):
    await post(client, "messages", {"text": "hello", "sender": "user"})
    found = (await post(client, "predict")).json()
    assert found["scores"][0]["score"] == found["confidence"]
    assert found["policy"]
    scores = [(-each["score"], each["action"]) for each in found["scores"]]
    assert scores == sorted(scores)
    after = (await post(client, "predict", include_events="ALL")).json()["tracker"]
    assert after["events"] == found["tracker"]["events"]


async def test_a_conversation_that_never_was_has_nothing_to_come(client):
    answer = await post(client, "predict", conversation="nobody")
    assert (answer.status_code, answer.json()["reason"]) == (404, "Not found")


async def test_step_by_step_a_conversation_goes_as_by_itself(client):
    await post(client, "messages", {"text": "hello", "sender": "user"})
    said = []
    for _ in range(5):
        predicted = (await post(client, "predict")).json()
        action = predicted["scores"][0]["action"]
        done = await post(client, "execute", {"name": action, "policy": predicted["policy"]})
        said += [message["text"] for message in done.json()["messages"]]
        if action == "action_listen":
            break
    body = {"sender": "bob", "message": "hello"}
    by_itself = (await client.post("/webhooks/rest/webhook", json=body)).json()
    assert said == [message["text"] for message in by_itself] != []


async def test_the_tracker_of_execute_is_the_one_from_before(client):
    await post(client, "messages", {"text": "hello", "sender": "user"})
    done = (await post(client, "execute", {"name": "utter_greet"})).json()
    assert done["tracker"]["latest_action_name"] == "action_listen"
    tracker = (await client.get("/conversations/ada/tracker")).json()
    assert tracker["latest_action_name"] == "utter_greet"


async def test_an_unknown_action_is_not_found(client):
    answer = await post(client, "execute", {"name": "no_such_action"})
    assert (answer.status_code, answer.json()["reason"]) == (404, "NotFound")
    assert (await client.get("/conversations/ada/story")).status_code == 404


@pytest.mark.parametrize("path", ["execute", "trigger_intent"])
async def test_a_name_is_needed(client, path):
    answer = await post(client, path, {})
    assert answer.status_code == 400
    assert answer.json()["details"] == {"parameter": "name", "in": "body"}


async def test_an_intent_can_be_said_from_outside(client):
    found = (
        await post(client, "trigger_intent", {"name": "greet", "entities": {"name": "Ada"}})
    ).json()
    assert [message["text"] for message in found["messages"]]
    user = next(event for event in found["tracker"]["events"] if event["event"] == "user")
    assert user["text"] == "EXTERNAL: greet"
    assert user["metadata"]["is_external"] is True
    assert user["parse_data"]["entities"] == [{"entity": "name", "value": "Ada"}]


async def test_an_intent_that_the_domain_does_not_know_is_not_found(client):
    assert (await post(client, "trigger_intent", {"name": "fly"})).status_code == 404


async def test_entities_that_are_none_are_refused(client):
    body = {"name": "greet", "entities": [{"value": 1}]}
    assert (await post(client, "trigger_intent", body)).status_code == 400


async def test_what_an_intent_causes_is_sent_where_the_caller_says(client):
    body = {"name": "greet"}
    found = (await post(client, "trigger_intent", body, output_channel="callback")).json()
    assert found["messages"] == []


async def test_a_conversation_can_be_read_as_a_story(client):
    await client.post("/webhooks/rest/webhook", json={"sender": "ada", "message": "hello"})
    answer = await client.get("/conversations/ada/story")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "- story: ada\n" in answer.text
    assert "intent: greet" in answer.text
    early = await client.get("/conversations/ada/story", params={"until": 1.0})
    assert "steps: []" in early.text


async def test_each_session_is_a_story(client):
    session = [{"event": "session_started"}, {"event": "action", "name": "action_listen"}]
    for _ in range(2):
        await post(client, "tracker/events", session)
        await client.post("/webhooks/rest/webhook", json={"sender": "ada", "message": "hello"})
    latest = (await client.get("/conversations/ada/story")).text
    every = (await client.get("/conversations/ada/story", params={"all_sessions": True})).text
    assert latest.count("- story:") == 1
    assert "- story: ada, session 2\n" in every
    assert every.count("intent: greet") == 2


async def test_what_would_come_after_events_is_told_without_a_conversation(client):
    parse = {"intent": {"name": "greet", "confidence": 1.0}, "entities": [], "text": "hello"}
    events = [
        {"event": "action", "name": "action_listen", "timestamp": 1.0},
        {"event": "user", "text": "hello", "timestamp": 2.0, "parse_data": parse},
    ]
    found = (await client.post("/model/predict", json=events)).json()
    assert found["scores"][0]["action"] == "action_listen"  # in the domain's order
    best = max(found["scores"], key=lambda each: each["score"])
    assert best["action"] == "utter_greet"
    assert found["tracker"]["sender_id"] == "default"


async def test_without_a_model_messages_wait_and_the_api_says_so(client):
    assert (await client.delete("/model")).status_code == 204
    for method, path in (
        ("GET", "/status"),
        ("GET", "/domain"),
        ("GET", "/conversations/ada/tracker"),
        ("POST", "/conversations/ada/predict"),
    ):
        answer = await client.request(method, path)
        assert (answer.status_code, answer.json()["reason"]) == (409, "Conflict"), path
    body = {"sender": "ada", "message": "hello", "message_id": "m-1"}
    kept = await client.post("/webhooks/rest/webhook", json=body)
    assert (kept.status_code, kept.json()) == (200, [])
    assert (await client.put("/model", json={"model_file": "again"})).status_code == 204
    assert (await client.get("/status")).json()["model_file"] == "again"
    assert (await client.post("/webhooks/rest/webhook", json=body)).json() != []


def test_settings_for_the_api_are_not_shown():
    settings = Settings(auth_token="s3cret", jwt_secret="a" * 32)
    assert "s3cret" not in repr(settings)
    assert "aaaa" not in repr(settings)
