import httpx2
import pytest

from bot.channels.callback import CallbackChannel
from bot.settings import Settings
from tests.serving import echo_app, served
from tests.signing import signed

KEY = "k" * 40


@pytest.fixture
def inboxes():
    return []


@pytest.fixture
async def client(inboxes):
    callback = CallbackChannel("http://desk.example/", httpx2.AsyncClient())
    channels = {"callback": callback}
    async with served(echo_app(watch=inboxes.append, channels=channels)) as client:
        await post(client, "/conversations/anna/tracker/events", {"event": "session_started"})
        yield client


async def post(client, path, body=None, status=200):
    answer = await client.post(path, json=body if body is not None else {})
    assert answer.status_code == status, answer.text
    return answer.json()


async def hand(client, what, agent="mia", status=200, **more):
    return await post(client, f"/conversations/anna/{what}", {"agent": agent, **more}, status)


async def queue(client, **query):
    found = (await client.get("/handoffs", params=query)).json()
    return [(each["conversation_id"], each["state"], each["agent"]) for each in found]


async def test_a_person_is_asked_for_takes_over_speaks_and_hands_back(client, inboxes):
    asked = await post(client, "/conversations/anna/handoff", {"reason": "angry"})
    assert (asked["state"], asked["reason"]) == ("waiting", "angry")
    assert await queue(client, state="waiting") == [("anna", "waiting", None)]
    taken = await hand(client, "takeover")
    assert (taken["agent"], taken["quiet"], taken["tracker"]["paused"]) == ("mia", True, True)
    assert await queue(client, state="waiting") == []
    assert await queue(client, agent="mia") == [("anna", "taken", "mia")]
    said = await hand(client, "agent", text="I am here.", buttons=[{"title": "Good"}])
    event = said["events"][-1]
    assert (event["event"], event["text"]) == ("agent", "I am here.")
    assert event["data"] == {"buttons": [{"title": "Good", "payload": ""}]}
    assert event["metadata"] == {"agent": "mia"}
    back = await hand(client, "resume")
    assert back["paused"] is False
    assert await queue(client) == []
    assert inboxes[0].sent == ["anna"]


async def test_a_bot_that_paused_itself_listens_once_it_is_handed_back(client):
    for event in ({"event": "action", "name": "action_human_handoff"}, {"event": "pause"}):
        await post(client, "/conversations/anna/tracker/events", event)
    await hand(client, "takeover")
    back = await hand(client, "resume")
    assert back["latest_action_name"] == "action_listen"
    assert [each["event"] for each in back["events"]][-2:] == ["action", "resume"]
    await hand(client, "takeover")
    again = await hand(client, "resume")
    assert [each["event"] for each in again["events"]][-2:] == ["pause", "resume"]


async def test_who_is_told_that_a_person_comes_waits_in_the_queue_until_one_does(client):
    handed = [{"event": "action", "name": "action_human_handoff"}, {"event": "pause"}]
    await post(client, "/conversations/anna/tracker/events", handed)
    [waiting] = (await client.get("/handoffs", params={"state": "waiting"})).json()
    assert (waiting["conversation_id"], waiting["reason"]) == ("anna", "action_human_handoff")
    await hand(client, "takeover")
    assert await queue(client) == [("anna", "taken", "mia")]
    await hand(client, "resume")
    assert await queue(client) == []


async def test_who_begins_anew_waits_for_nobody(client):
    await post(client, "/conversations/anna/tracker/events", {"event": "pause"})
    assert await queue(client) == [("anna", "waiting", None)]
    await post(client, "/conversations/anna/tracker/events", {"event": "restart"})
    assert await queue(client) == []


async def test_what_a_person_says_goes_where_the_user_wrote_last(client, inboxes):
    said = {"event": "user", "text": "hi", "input_channel": "callback"}
    await post(client, "/conversations/anna/tracker/events", said)
    await hand(client, "takeover")
    await hand(client, "agent", text="Hello.", image="https://s.example/a.png")
    (waiting,) = await inboxes[0].parley.log.outgoing("anna")
    assert (waiting.channel, waiting.reply.text) == ("callback", "Hello.")
    assert waiting.reply.image == "https://s.example/a.png"


async def test_what_is_said_again_with_its_id_is_said_once(client):
    await hand(client, "takeover")
    for _ in range(2):
        said = await hand(client, "agent", text="Hello.", message_id="m-1")
    assert [event["event"] for event in said["events"]].count("agent") == 1


async def test_one_person_has_a_conversation_at_a_time(client):
    await hand(client, "takeover", "mia")
    assert (await hand(client, "takeover", "mia"))["agent"] == "mia"
    refused = await hand(client, "takeover", "tom", status=409)
    assert "'mia'" in refused["message"]
    await hand(client, "agent", "tom", text="hi", status=409)
    await hand(client, "resume", "tom", status=409)
    assert (await hand(client, "takeover", "tom", force=True))["agent"] == "tom"
    await hand(client, "agent", "mia", text="hi", status=409)
    await hand(client, "resume", "mia", force=True)


@pytest.mark.parametrize("what", ["agent", "resume"])
async def test_what_nobody_took_over_nobody_can_answer(client, what):
    refused = await hand(client, what, status=409, text="hi")
    assert "take it over first" in refused["message"]


@pytest.mark.parametrize("what", ["handoff", "takeover", "agent", "resume"])
async def test_a_conversation_that_never_was_cannot_be_taken(client, what):
    body = {"agent": "mia", "text": "hi"}
    await post(client, f"/conversations/nobody/{what}", body, 404)


@pytest.mark.parametrize(
    "body",
    [{}, {"agent": ""}, {"agent": "a" * 256}, {"agent": "mia", "text": ""}, {"agent": 7}],
)
async def test_a_body_that_says_nothing_is_refused(client, body):
    await post(client, "/conversations/anna/agent", body, 422)


async def test_a_conversation_may_have_slashes_in_its_id(client):
    await post(client, "/conversations/a/b/tracker/events", {"event": "session_started"})
    await post(client, "/conversations/a/b/takeover", {"agent": "mia"})
    assert await queue(client) == [("a/b", "taken", "mia")]


async def test_a_user_cannot_take_over_his_own_conversation():
    settings = Settings(jwt_secret=KEY)
    async with served(echo_app(settings)) as client:
        claims = {"user": {"username": "anna", "role": "user"}}
        token = signed(claims, KEY)
        client.headers["authorization"] = f"Bearer {token}"
        await client.post("/conversations/anna/tracker/events", json={"event": "session_started"})
        for what in ("handoff", "takeover", "agent", "resume"):
            body = {"agent": "anna", "text": "hi"}
            await post(client, f"/conversations/anna/{what}", body, 403)
        assert (await client.get("/handoffs")).status_code == 403
