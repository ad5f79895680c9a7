import asyncio

import pytest
from msgspec.json import decode, encode

from bot.dialogue.events import SlotSet
from bot.dialogue.messages import Reply
from bot.reminders import NEWS
from tests.serving import echo_app, served


@pytest.fixture
async def client():
    async with served(echo_app()) as client:
        yield client


async def events(client, conversation="anna", view="AFTER_RESTART", **query):
    params = {"include_events": view, **query}
    answer = await client.get(f"/conversations/{conversation}/tracker", params=params)
    assert answer.status_code == 200
    return answer.json()["events"]


def names(found):
    return [event["event"] for event in found]


async def add(client, body, conversation="anna"):
    return await client.post(f"/conversations/{conversation}/tracker/events", json=body)


async def test_a_conversation_that_never_was_is_shown_as_it_would_begin(client):
    tracker = (await client.get("/conversations/nobody/tracker")).json()
    assert tracker["sender_id"] == "nobody"
    assert tracker["slots"] == {"name": None}
    assert tracker["latest_action_name"] == "action_listen"
    assert names(tracker["events"]) == ["action", "session_started", "action"]


async def test_looking_at_a_conversation_does_not_log_it(client):
    await client.get("/conversations/nobody/tracker")
    await add(client, {"event": "session_started"}, "nobody")
    assert names(await events(client, "nobody", "ALL")) == ["session_started"]


async def test_an_event_for_a_new_conversation_follows_a_session_start(client):
    answer = await add(client, {"event": "slot", "name": "name", "value": "Bob"})
    assert answer.json()["slots"] == {"name": "Bob"}
    assert names(answer.json()["events"]) == ["action", "session_started", "action", "slot"]


async def test_a_paused_conversation_can_be_resumed(client):
    assert (await add(client, {"event": "pause"})).json()["paused"] is True
    assert (await add(client, [{"event": "resume", "timestamp": None}])).json()["paused"] is False


async def test_added_events_have_a_time(client):
    await add(client, [{"event": "slot", "name": "name", "value": 1}, {"event": "pause"}])
    assert all(event["timestamp"] for event in await events(client))


@pytest.mark.parametrize(
    "body",
    [
        {"event": "wrong_kind"},
        {"name": "no event"},
        {"event": "slot"},
        {"event": "slot", "name": 7},
        [{"event": "pause"}, {"event": "nonsense"}],
        [],
    ],
)
async def test_what_is_no_event_is_refused_and_nothing_is_logged(client, body):
    answer = await add(client, body)
    assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")
    await add(client, {"event": "session_started"})
    assert names(await events(client, view="ALL")) == ["session_started"]


async def test_a_body_that_is_no_list_of_objects_is_refused(client):
    assert (await add(client, ["pause"])).status_code == 422
    assert (await add(client, "pause")).status_code == 422


async def test_views_of_the_events(client):
    restart = [{"event": "restart"}, {"event": "slot", "name": "name", "value": "Bob"}]
    await add(client, [{"event": "session_started"}, {"event": "user", "text": "hi"}, *restart])
    assert await events(client, view="NONE") is None
    assert names(await events(client, view="ALL")) == ["session_started", "user", "restart", "slot"]
    assert names(await events(client, view="AFTER_RESTART")) == ["slot"]
    assert names(await events(client, view="APPLIED")) == ["slot"]


async def test_all_shows_earlier_sessions_too(client):
    await add(client, [{"event": "session_started"}, {"event": "user", "text": "first"}])
    await add(client, [{"event": "session_started"}, {"event": "user", "text": "second"}])
    assert [e.get("text") for e in await events(client, view="AFTER_RESTART")] == [None, "second"]
    assert names(await events(client, view="ALL")) == ["session_started", "user"] * 2


async def test_until_shows_the_conversation_as_it_was_then(client):
    first = {"event": "slot", "name": "name", "value": "Bob", "timestamp": 10.0}
    later = {"event": "slot", "name": "name", "value": "Cy", "timestamp": 20.0}
    await add(client, [{"event": "session_started", "timestamp": 5.0}, first, later])
    tracker = (await client.get("/conversations/anna/tracker?until=15")).json()
    assert tracker["slots"] == {"name": "Bob"}
    assert names(tracker["events"]) == ["session_started", "slot"]
    before = (await client.get("/conversations/anna/tracker?until=1.5")).json()
    assert before["events"] == []


@pytest.mark.parametrize("conversation", ["a/b", "a/tracker/b", "ünï 😀", "%00", "a%20b"])
async def test_any_id_names_a_conversation(client, conversation):
    answer = await add(client, {"event": "pause"}, conversation)
    assert answer.json()["paused"] is True
    again = (await client.get(f"/conversations/{conversation}/tracker")).json()
    assert again["paused"] is True


async def test_an_event_dated_in_the_past_counts(client):
    await add(client, [{"event": "session_started"}, {"event": "user", "text": "hi"}])
    await add(client, {"event": "slot", "name": "name", "value": "Past", "timestamp": 1.0})
    tracker = (await client.get("/conversations/anna/tracker")).json()
    assert tracker["slots"] == {"name": "Past"}
    assert names(tracker["events"])[-1] == "slot"


async def put(client, body, conversation="anna"):
    return await client.put(f"/conversations/{conversation}/tracker/events", json=body)


async def test_replaced_events_are_all_there_is(client):
    await add(client, [{"event": "session_started"}, {"event": "user", "text": "hi"}])
    other = [{"event": "session_started"}, {"event": "slot", "name": "name", "value": "Cy"}]
    replaced = (await put(client, other)).json()
    assert (replaced["slots"], names(replaced["events"])) == (
        {"name": "Cy"},
        ["session_started", "slot"],
    )
    assert names(await events(client, view="ALL")) == ["session_started", "slot"]


async def test_events_can_be_replaced_by_none_and_the_conversation_goes_on(client):
    await add(client, [{"event": "session_started"}, {"event": "user", "text": "hi"}])
    assert (await put(client, [])).json()["events"] == []
    body = {"sender": "anna", "message": "again"}
    assert (await client.post("/webhooks/rest/webhook", json=body)).status_code == 200


async def test_events_put_into_a_conversation_that_never_was_begin_it(client):
    assert (await put(client, {"event": "session_started"})).status_code == 200
    assert names(await events(client, view="ALL")) == ["session_started"]


async def test_what_is_no_event_replaces_nothing(client):
    await add(client, [{"event": "session_started"}, {"event": "user", "text": "hi"}])
    assert (await put(client, [{"event": "pause"}, {"event": "nonsense"}])).status_code == 400
    assert names(await events(client, view="ALL")) == ["session_started", "user"]


async def test_a_wrong_view_names_the_parameter_as_rasa_does(client):
    answer = await client.get("/conversations/anna/tracker?include_events=SOME")
    assert answer.json()["details"] == {"parameter": "include_events", "in": "query"}


async def test_bot_events_are_sent_where_they_are_to_have_effects():
    inboxes = []
    async with served(echo_app(watch=inboxes.append)) as client:
        path, said = "/conversations/anna/tracker/events", {"event": "bot", "text": "hi"}
        for effects in (False, True):
            query = {"output_channel": "callback", "execute_side_effects": effects}
            answer = await client.post(path, json=said, params=query)
            assert answer.status_code == 200
        (inbox,) = inboxes
        assert inbox.sent == ["anna"]
        (waiting,) = await inbox.parley.log.outgoing("anna")
        assert (waiting.channel, waiting.reply.text) == ("callback", "hi")


@pytest.mark.parametrize(
    "data",
    [
        {"buttons": "x"},
        {"buttons": 5},
        {"quick_replies": {"title": "x"}},
        {"elements": ["x"]},
        {"image": {"src": "x"}},
    ],
)
async def test_what_a_channel_could_not_say_is_refused_before_it_is_in_the_way(client, data):
    path = "/conversations/anna/tracker/events?output_channel=callback&execute_side_effects=true"
    answer = await client.post(path, json={"event": "bot", "text": "hi", "data": data})
    assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")
    answer = await put(client, [{"event": "bot", "text": "hi", "data": data}])
    assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")


@pytest.mark.parametrize("custom", [[1, {"a": "b"}], "x", 5, {"a": 1}])
async def test_a_bot_event_may_say_any_json(custom):
    inboxes = []
    async with served(echo_app(watch=inboxes.append)) as client:
        path = "/conversations/anna/tracker/events"
        query = {"output_channel": "callback", "execute_side_effects": True}
        said = {"event": "bot", "data": {"custom": custom, "buttons": None}}
        assert (await client.post(path, json=said, params=query)).status_code == 200
        (waiting,) = await inboxes[0].parley.log.outgoing("anna")
        assert decode(encode(waiting.reply), type=Reply).custom == custom


async def test_a_reminder_that_is_posted_is_told_to_those_who_wait_for_the_next():
    inboxes = []
    at = {"date_time": "2030-01-01T00:00:00", "name": "r", "intent": "greet"}
    async with served(echo_app(watch=inboxes.append)) as client:
        (inbox,) = inboxes
        async with inbox.parley.news.follow(NEWS) as notes, asyncio.timeout(5):
            path = "/conversations/anna/tracker/events?execute_side_effects=true"
            answer = await client.post(path, json={"event": "reminder", **at})
            assert answer.status_code == 200
            await anext(notes)
            assert await inbox.parley.log.next_reminder()


@pytest.mark.parametrize("path", ["tracker", "predict"])
async def test_a_conversation_is_shown_as_the_log_has_it_whatever_is_kept_of_it(path):
    inboxes = []
    async with served(echo_app(watch=inboxes.append)) as client:
        await add(client, [{"event": "session_started"}, {"event": "pause"}])
        log = inboxes[0].parley.log
        later = [SlotSet(name="name", value="Bob")]  # of a worker that could not keep its tracker
        await log.commit("anna", later, seq=2, epoch=0)
        method = "GET" if path == "tracker" else "POST"
        answer = (await client.request(method, f"/conversations/anna/{path}")).json()
        assert answer.get("tracker", answer)["slots"] == {"name": "Bob"}


async def test_an_action_is_run_though_what_is_kept_is_behind_the_log():
    inboxes = []
    async with served(echo_app(watch=inboxes.append)) as client:
        await add(client, {"event": "session_started"})
        log = inboxes[0].parley.log
        await log.commit("anna", [SlotSet(name="name", value="Bob")], seq=1, epoch=0)
        body = {"name": "action_restart"}
        answer = await client.post("/conversations/anna/execute", json=body)
        assert answer.status_code == 200, answer.text
