from __future__ import annotations

import json
from collections.abc import Callable

import httpx2
import pytest

from bot.actions.base import ActionAnswer
from bot.actions.remote import RemoteActions
from bot.dialogue.domain import Domain
from bot.dialogue.events import SlotSet, UserUttered
from bot.dialogue.tracker import Tracker
from bot.errors import ActionFailed, ActionRejected
from bot.project.project import Endpoint

DOMAIN = Domain(actions=("action_x", "action_d"), send_domain=frozenset({"action_d"}), raw={"d": 1})
URL = "http://actions.test/webhook"
Server = Callable[[httpx2.Request], httpx2.Response]


async def run(
    server: Server, *, endpoint: Endpoint | None = None, action: str = "action_x", said: str = "hi"
) -> ActionAnswer:
    tracker = Tracker.start("ada", DOMAIN).apply(UserUttered(text=said))
    transport = httpx2.MockTransport(server)
    async with RemoteActions(endpoint or Endpoint(URL), transport=transport) as actions:
        return await actions.run(action, tracker, DOMAIN, call_id="m1:2")


def answering(status: int = 200, content: object = None) -> Server:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return lambda request: httpx2.Response(status, content=body)


async def test_the_request_is_the_one_a_rasa_sdk_server_reads():
    seen: list[httpx2.Request] = []

    def server(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json={"events": [], "responses": []})

    endpoint = Endpoint(URL, token="t", headers={"X-Ours": "1"}, basic_auth=("u", "p"))
    await run(server, endpoint=endpoint)
    body = json.loads(seen[0].content)
    assert set(body) == {"next_action", "sender_id", "tracker", "domain", "version"}
    assert (body["next_action"], body["sender_id"], body["version"]) == (
        "action_x",
        "ada",
        "3.21.1",
    )
    assert body["domain"] == {"d": 1}
    assert body["tracker"]["events"][0]["event"] == "user"
    assert seen[0].url.params["token"] == "t"
    assert seen[0].headers["X-Ours"] == "1"
    assert seen[0].headers["Authorization"].startswith("Basic ")
    assert seen[0].headers["Idempotency-Key"] == "m1:2"


async def test_events_and_responses_come_back_as_written():
    answer = await run(
        answering(
            content={
                "events": [{"event": "slot", "name": "x", "value": [1], "timestamp": None}],
                "responses": [{"text": "hi"}],
            }
        )
    )
    assert answer.events == (SlotSet(name="x", value=[1]),)
    assert answer.responses == ({"text": "hi"},)


async def test_a_user_event_may_leave_out_where_its_entities_stand():
    event = {
        "event": "user",
        "text": "Ada",
        "parse_data": {
            "intent": {"name": "tell"},
            "entities": [{"entity": "name", "value": "Ada"}],
        },
    }
    (user,) = (await run(answering(content={"events": [event]}))).events
    assert isinstance(user, UserUttered)
    assert (user.intent, user.entities[0].value) == ("tell", "Ada")


async def test_a_refusal_is_no_failure():
    with pytest.raises(ActionRejected, match="no thanks"):
        await run(answering(400, {"error": "no thanks", "action_name": "action_x"}))


@pytest.mark.parametrize(
    ("server", "says"),
    [
        (answering(404, {"error": "No registered action found"}), "unknown to the action server"),
        (answering(500, {"error": "boom"}), "answered 500: boom"),
        (answering(500, b"<html>"), "answered 500: <html>"),
        (answering(302, None), "answered 302"),
        (answering(200, b"garbage"), "should be an object"),
        (answering(200, b"\xff\xfe"), "should be an object"),
        (answering(200, ["list"]), "should be an object"),
        (answering(200, {"events": "none"}), "should be an object"),
        (answering(200, {"events": [{"event": "teleport"}]}), "teleport"),
        (answering(200, {"events": [{"event": "slot"}]}), "name"),
        (answering(200, {"responses": ["hi"]}), "should be an object"),
    ],
)
async def test_what_is_no_answer_is_a_failure_that_says_why(server: Server, says: str):
    with pytest.raises(ActionFailed, match=says) as failure:
        await run(server)
    assert "action_x" in str(failure.value)


async def test_a_server_that_takes_too_long_is_a_failure():
    def late(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadTimeout("late", request=request)

    with pytest.raises(ActionFailed, match="no answer within 10 s"):
        await run(late)


async def test_a_server_that_is_not_there_is_a_failure():
    def down(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused", request=request)

    with pytest.raises(ActionFailed, match="cannot be reached"):
        await run(down)


async def test_a_project_without_an_action_server_says_what_to_write():
    tracker = Tracker.start("ada", DOMAIN)
    async with RemoteActions(None) as actions:
        with pytest.raises(ActionFailed, match=r"action_endpoint.*endpoints\.yml"):
            await actions.run("action_x", tracker, DOMAIN, call_id="1")


async def test_a_server_that_wants_the_domain_gets_it():
    bodies: list[dict[str, object]] = []

    def server(request: httpx2.Request) -> httpx2.Response:
        bodies.append(json.loads(request.content))
        return httpx2.Response(200 if "domain" in bodies[-1] else 449, json={"events": []})

    endpoint = Endpoint(URL, selective_domain=True)
    await run(server, endpoint=endpoint)
    assert ["domain" in body for body in bodies] == [False, True]


@pytest.mark.parametrize(
    ("action", "sent"), [("action_x", False), ("action_d", True), ("validate_form", True)]
)
async def test_a_selective_endpoint_gets_the_domain_only_where_it_is_wanted(
    action: str, sent: bool
):
    bodies: list[dict[str, object]] = []

    def server(request: httpx2.Request) -> httpx2.Response:
        bodies.append(json.loads(request.content))
        return httpx2.Response(200, json={"events": []})

    await run(server, endpoint=Endpoint(URL, selective_domain=True), action=action)
    assert ["domain" in body for body in bodies] == [sent]


async def test_a_lone_surrogate_in_the_conversation_does_not_stop_an_action():
    assert await run(answering(content={"events": []}), said="broken \ud83d") == ActionAnswer(
        (), ()
    )
