from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import httpx2
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.act import act
from bot.actions.base import ActionAnswer
from bot.actions.protocol import MOST_BYTES
from bot.actions.remote import DIGEST_FROM_BYTES, RemoteActions
from bot.channels.rest import RestChannel
from bot.channels.socketio import Options, SocketioChannel
from bot.dialogue.domain import Domain
from bot.dialogue.events import Event, SlotSet, UserUttered
from bot.dialogue.messages import Message, Reply
from bot.dialogue.policy import Prediction
from bot.dialogue.tracker import Tracker
from bot.dialogue.written import tracker_state
from bot.effects import effects
from bot.errors import ActionFailed, ActionRejected, SettingsError
from bot.project.project import Config, Endpoint, NluData, Project
from bot.testing.services import ScriptedNlu, memory_services

DOMAIN = Domain(actions=("action_x", "action_d"), send_domain=frozenset({"action_d"}), raw={"d": 1})
URL = "http://actions.test/webhook"
PROJECT = Project(path=".", domain=DOMAIN, nlu=NluData(), stories=(), config=Config())
PARLEY = memory_services(PROJECT, ScriptedNlu({}), RemoteActions(None))
SOCKETIO = SocketioChannel(Options())
REMINDER = {"event": "reminder", "intent": "greet"}
Server = Callable[[httpx2.Request], httpx2.Response]


async def run(
    server: Server, *, endpoint: Endpoint | None = None, action: str = "action_x", said: str = "hi"
) -> ActionAnswer:
    tracker = Tracker.start("ada", DOMAIN).apply(UserUttered(text=said))
    transport = httpx2.MockTransport(server)
    async with RemoteActions(
        endpoint or Endpoint(URL), transport=transport, call_again_s=(0.0, 0.0)
    ) as actions:
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
        (answering(200, {"responses": [{"text": ["hi"]}]}), "text"),
        (answering(200, {"responses": [{"buttons": ["hi"]}]}), "buttons"),
        (answering(200, {"responses": [{"response": 7}]}), "response"),
        (answering(200, {"events": [{"event": "bot", "data": {"elements": "x"}}]}), "elements"),
        (answering(200, {"events": [{**REMINDER, "date_time": "soon"}]}), "soon"),
        (answering(200, {"events": [{**REMINDER, "date_time": "0001-01-01"}]}), "year"),
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


# The network


def counting(server: Server) -> tuple[list[httpx2.Request], Server]:
    seen: list[httpx2.Request] = []

    def counted(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return server(request)

    return seen, counted


def failing(error: type[httpx2.TransportError]) -> Server:
    def server(request: httpx2.Request) -> httpx2.Response:
        raise error("it broke", request=request)

    return server


async def test_a_refused_connection_is_tried_again_and_then_given_up():
    seen, server = counting(failing(httpx2.ConnectError))
    with pytest.raises(ActionFailed, match="cannot be reached"):
        await run(server)
    assert len(seen) == 3


async def test_a_server_that_comes_up_meanwhile_is_reached():
    answers = iter([failing(httpx2.ConnectError), answering(content={"events": []})])
    assert await run(lambda request: next(answers)(request)) == ActionAnswer((), ())


@pytest.mark.parametrize(
    "error", [httpx2.ReadError, httpx2.WriteError, httpx2.RemoteProtocolError, httpx2.CloseError]
)
async def test_a_call_that_may_have_run_is_not_made_again(error: type[httpx2.TransportError]):
    seen, server = counting(failing(error))
    with pytest.raises(ActionFailed, match=r"broke off .* It may have run"):
        await run(server)
    assert len(seen) == 1


class Drip(httpx2.AsyncByteStream):
    """A body that never ends: ``size`` bytes at a time, and how many were taken."""

    def __init__(self, size: int) -> None:
        self.size, self.taken = size, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0)
            self.taken += self.size
            yield b"[" * self.size


@pytest.mark.parametrize("status", [200, 500])
async def test_no_more_of_an_answer_is_read_than_an_answer_may_have(status: int):
    drip = Drip(size=1 << 20)
    with pytest.raises(ActionFailed, match="8388608 bytes" if status == 200 else "answered 500"):
        await run(lambda _: httpx2.Response(status, stream=drip))
    assert drip.taken <= MOST_BYTES + drip.size


async def test_an_answer_that_comes_without_end_but_slowly_is_given_up():
    with pytest.raises(ActionFailed, match=r"no answer within 0\.05 s"):
        await run(
            lambda _: httpx2.Response(200, stream=Drip(size=1)),
            endpoint=Endpoint(URL, timeout_s=0.05),
        )


async def test_a_compressed_answer_was_not_asked_for_and_is_not_inflated():
    bomb = gzip.compress(b" " * (64 << 20))
    seen, server = counting(
        lambda _: httpx2.Response(200, headers={"Content-Encoding": "gzip"}, stream=Once(bomb))
    )
    with pytest.raises(ActionFailed, match="'gzip', which it was not asked for"):
        await run(server)
    assert seen[0].headers["Accept-Encoding"] == "identity"


class Once(httpx2.AsyncByteStream):
    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body


async def test_a_request_can_be_compressed():
    seen, server = counting(answering(content={"events": []}))
    tracker = Tracker.start("ada", DOMAIN)
    async with RemoteActions(
        Endpoint(URL), compress=True, transport=httpx2.MockTransport(server)
    ) as actions:
        await actions.run("action_x", tracker, DOMAIN, call_id="1")
    assert seen[0].headers["Content-Encoding"] == "deflate"
    assert json.loads(zlib.decompress(seen[0].content))["next_action"] == "action_x"


def test_a_cafile_that_cannot_be_read_is_a_sentence(tmp_path: Path):
    (tmp_path / "not.pem").write_text("nothing")
    for cafile in (tmp_path / "absent.pem", tmp_path / "not.pem"):
        with pytest.raises(SettingsError, match=rf"cafile of action_endpoint, {cafile}"):
            RemoteActions(Endpoint("https://actions.test/webhook", cafile=str(cafile)))


async def test_a_bad_gateway_is_no_refusal_of_the_action():
    for body in (b"<html>bad request</html>", b'{"error": "Invalid body request"}', b"[]"):
        with pytest.raises(ActionFailed, match="answered 400"):
            await run(answering(400, body))


async def test_a_server_of_another_make_is_not_asked_whether_it_keeps_domains():
    large = Domain(actions=("action_x",), raw={"x": "y" * DIGEST_FROM_BYTES})
    seen, server = counting(answering(content={"events": []}))
    async with RemoteActions(Endpoint(URL), transport=httpx2.MockTransport(server)) as actions:
        for _ in range(2):
            await actions.run("action_x", Tracker.start("ada", large), large, call_id="1")
    assert [request.method for request in seen] == ["GET", "POST", "POST"]
    assert all("domain" in json.loads(request.content) for request in seen[1:])


async def test_a_server_that_came_back_may_be_another_and_is_asked_again():
    large = Domain(actions=("action_x",), raw={"x": "y" * DIGEST_FROM_BYTES})
    newer, gone = True, False
    told: list[tuple[bool, bool]] = []  # of each call: whether it had a domain, a digest

    def server(request: httpx2.Request) -> httpx2.Response:
        nonlocal gone
        if gone:
            gone = False
            raise httpx2.ConnectError("refused", request=request)
        if request.method == "GET":
            return httpx2.Response(200, json=[{"name": "action_x"}])
        call = json.loads(request.content)
        if call["tracker"] is None:
            return httpx2.Response(449 if newer else 500, json={"error": "?"})
        told.append(("domain" in call, "domain_digest" in call))
        return httpx2.Response(200, json={"events": []})

    transport = httpx2.MockTransport(server)
    async with RemoteActions(Endpoint(URL), transport=transport, call_again_s=(0.0,)) as actions:
        for round_ in range(4):
            if round_ == 2:
                newer, gone = False, True
            await actions.run("action_x", Tracker.start("ada", large), large, call_id="1")
    assert told == [(True, True), (False, True), (True, False), (True, False)]


# Answers of every shape

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)
KEY_WORDS = (
    "event name value timestamp metadata text data buttons image attachment custom "
    "response template elements quick_replies parse_data intent entities date_time "
    "policy "
)
KIND_WORDS = (
    "user bot slot action followup active_loop reminder cancel_reminder rewind undo "
    "restart session_started session_ended entities agent pause resume export "
    "reset_slots form "
)
KEYS, KINDS = (st.sampled_from(words.split()) for words in (KEY_WORDS, KIND_WORDS))
LIKE_AN_EVENT = st.dictionaries(KEYS, JSON | KINDS, max_size=6)
LIKE_AN_ANSWER = st.fixed_dictionaries(
    {},
    optional={
        "events": JSON
        | st.lists(st.builds(lambda e, kind: {**e, "event": kind}, LIKE_AN_EVENT, KINDS)),
        "responses": JSON | st.lists(LIKE_AN_EVENT, max_size=3),
    },
)
BODIES = st.one_of(
    LIKE_AN_ANSWER.map(lambda value: json.dumps(value).encode()),
    JSON.map(lambda value: json.dumps(value).encode()),
    LIKE_AN_ANSWER.map(lambda value: json.dumps(value).encode()[:-1]),
    st.binary(max_size=20),
    st.just(b"[" * 100_000),
    st.just(b'{"events": ' + b"9" * 5000 + b"}"),
)


@given(body=BODIES, status=st.sampled_from([200, 200, 200, 200, 400, 404, 449, 500, 204, 301]))
@settings(max_examples=300, deadline=None)
def test_an_answer_of_any_shape_leaves_events_that_can_be_kept_and_said(body: bytes, status: int):
    async def turn() -> None:
        transport = httpx2.MockTransport(lambda _: httpx2.Response(status, content=body))
        async with RemoteActions(Endpoint(URL), transport=transport) as actions:
            parley = replace(PARLEY, actions=actions)
            tracker = Tracker.start("ada", DOMAIN).apply(UserUttered(text="hi"))
            prediction = Prediction("action_x", 1.0, "RulePolicy")
            events = await act(prediction, tracker, parley, channel="collector", call_id="1")
            assert events
            kept = msgspec.json.decode(msgspec.json.encode(events), type=list[Event])
            after = tracker.apply_all(kept)
            msgspec.json.encode(tracker_state(after))
            replies = effects(kept, Message("ada", "hi")).replies
            msgspec.json.decode(msgspec.json.encode(replies), type=list[Reply])
            for each in replies:
                msgspec.json.encode([RestChannel().render(each), SOCKETIO.render(each)])

    asyncio.run(turn())
