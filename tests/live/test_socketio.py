"""The socketio channel of a whole server, spoken to as Rasa's web widgets speak."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.exceptions import InvalidStatus

from bot.act import APOLOGY
from bot.app import create_app
from bot.channels.sockets import MOST_SESSIONS
from bot.channels.web import MOST_FRAME_BYTES
from bot.errors import SettingsError, Unavailable
from bot.settings import load_settings
from tests.browser.fake_server import serving
from tests.command import running
from tests.signing import signed, unsigned
from tests.socketio_client import Refusal, Visitor, visiting

GOLDEN = Path(__file__).parents[2] / ".." / "shared" / "rasa-golden"
KEY = "a key that is long enough for every method: " + "k" * 64

CONFIG = "recipe: default.v1\nlanguage: en\nassistant_id: sockets\npolicies: [{name: RulePolicy}]\n"
DOMAIN = """
version: "3.1"
intents: [greet, choose, show]
responses:
  utter_greet: [{text: "Hello."}]
  utter_choose:
    - text: "One?\\n\\nOr two?"
      buttons: [{title: One, payload: /greet}, {title: Two, payload: /show}]
  utter_show: [{text: "Only here.", channel: socketio}, {text: "Elsewhere."}]
session_config: {session_expiration_time: 60}
"""
RULES = """
version: "3.1"
rules:
- rule: greet
  steps: [{intent: greet}, {action: utter_greet}]
- rule: choose
  steps: [{intent: choose}, {action: utter_choose}]
- rule: show
  steps: [{intent: show}, {action: utter_show}]
"""
RSA = {"jwt_method": "RS256", "jwt_key": "no key in PEM"}
POLL = "/socket.io/?EIO=4&transport=polling"
GREETED = ["bot_uttered", {"text": "Hello."}]


def project(folder: Path, credentials: dict[str, Any]) -> Path:
    (folder / "data").mkdir(parents=True)
    (folder / "config.yml").write_text(CONFIG)
    (folder / "domain.yml").write_text(DOMAIN)
    (folder / "data/rules.yml").write_text(RULES)
    (folder / "credentials.yml").write_text(json.dumps({"socketio": credentials}))
    return folder


@asynccontextmanager
async def server(
    folder: Path, credentials: dict[str, Any] | None = None, **settings: Any
) -> AsyncIterator[str]:
    """A server of the small project; gives its address."""
    if not (folder / "project").exists():
        project(folder / "project", credentials or {})
    settings = {"home": folder / "home", "nlu": "none", **settings}
    app = create_app(load_settings(project=folder / "project", **settings))
    async with serving(app) as address:
        yield address


async def say(visitor: Visitor, text: str, session: str | None = None, **more: Any) -> None:
    await visitor.emit("user_uttered", {"message": text, "session_id": session, **more})


async def ask(visitor: Visitor, session: str) -> None:
    """Ask for a session, and get it."""
    await visitor.emit("session_request", {"session_id": session})
    assert await visitor.told() == ["session_confirm", session]


async def tracker(address: str, conversation: str) -> dict[str, Any]:
    async with httpx2.AsyncClient(base_url=address) as client:
        found = await client.get(f"/conversations/{conversation}/tracker?include_events=ALL")
        state: dict[str, Any] = found.json()
        return state


async def test_a_page_talks_to_the_bot(tmp_path: Path) -> None:
    async with server(tmp_path) as address, visiting(address) as page:
        await page.emit("session_request", {})
        (event, session) = await page.told()
        assert event == "session_confirm"
        assert len(session) == 32
        await say(page, "/greet", session)
        assert await page.told() == GREETED
        await say(page, "/choose", session)
        assert await page.told() == ["bot_uttered", {"text": "One?", "quick_replies": []}]
        (_, said) = await page.told()
        assert said["text"] == "Or two?"
        assert said["quick_replies"][1] == {
            "content_type": "text",
            "title": "Two",
            "payload": "/show",
        }
        await say(page, "/show", session)
        assert await page.told() == ["bot_uttered", {"text": "Only here."}]
        state = await tracker(address, page.sid)  # without persistence it is the connection
        assert state["latest_input_channel"] == "socketio"
        assert [e["text"] for e in state["events"] if e["event"] == "user"] == [
            "/greet",
            "/choose",
            "/show",
        ]


async def test_a_conversation_of_a_session_goes_on_after_the_connection_broke(
    tmp_path: Path,
) -> None:
    async with server(tmp_path, {"session_persistence": True}) as address:
        async with visiting(address) as page:
            await ask(page, "s-1")
            await say(page, "/greet", "s-1", metadata={"lang": "en"})
            assert await page.told() == GREETED
        async with visiting(address) as page, visiting(address) as other_tab:
            await ask(page, "s-1")
            await ask(other_tab, "s-1")
            await say(page, "/greet", "s-1")
            assert await page.told() == await other_tab.told() == GREETED
        users = [e for e in (await tracker(address, "s-1"))["events"] if e["event"] == "user"]
        assert [e["metadata"].get("lang") for e in users] == ["en", None]


async def test_a_reply_nobody_was_there_to_take_is_told_to_who_comes_back(tmp_path: Path) -> None:
    async with server(tmp_path, {"session_persistence": True}) as address:
        async with visiting(address) as page:
            for text in ("/greet", "/show"):
                await page.emit("user_uttered", {"message": text, "session_id": "s-1"}, ack=7)
                assert await page.told() == [7]  # committed; and nobody has asked for s-1
        async with visiting(address) as page:
            await ask(page, "s-1")
            assert await page.told() == GREETED
            assert await page.told() == ["bot_uttered", {"text": "Only here."}]
        async with visiting(address) as page:  # once
            await ask(page, "s-1")
            await say(page, "/choose", "s-1")
            assert (await page.told())[1]["text"] == "One?"


async def test_replies_reach_a_page_that_is_connected_to_another_worker(
    tmp_path: Path, redis_url: str
) -> None:
    shared = {"redis_url": redis_url, "database_url": f"sqlite:///{tmp_path}/shared.db"}
    credentials = {"session_persistence": True}
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(server(tmp_path, credentials, **shared))
        there = await stack.enter_async_context(server(tmp_path, credentials, **shared))
        page = await stack.enter_async_context(visiting(here))
        poster = await stack.enter_async_context(visiting(there))
        await ask(page, "s-1")
        await say(poster, "/greet", "s-1")  # as a load balancer may send it
        assert await page.told() == GREETED


async def test_a_message_id_given_twice_is_said_once(tmp_path: Path) -> None:
    async with server(tmp_path) as address, visiting(address) as page:
        for text in ("/greet", "/greet", "/show"):
            await say(page, text, message_id="m-1" if text == "/greet" else "m-2")
        assert await page.told() == GREETED
        assert await page.told() == ["bot_uttered", {"text": "Only here."}]


async def test_the_names_and_places_are_those_of_credentials_yml(tmp_path: Path) -> None:
    credentials = {
        "user_message_evt": "said",
        "bot_message_evt": "answered",
        "namespace": "/shop",
        "socketio_path": "/chat.io/",
        "metadata_key": "customData",
    }
    async with (
        server(tmp_path, credentials) as address,
        visiting(address, path="/chat.io", namespace="/shop") as page,
    ):
        await page.emit("said", {"message": "/greet", "customData": {"lang": "de"}})
        assert await page.told() == ["answered", {"text": "Hello."}]
        events = (await tracker(address, page.sid))["events"]
        assert next(e for e in events if e["event"] == "user")["metadata"]["lang"] == "de"


@pytest.mark.parametrize(
    "auth",
    [
        None,
        {},
        {"token": ""},
        {"token": "nonsense"},
        {"token": signed({"user": 1}, "another " + KEY)},
        {"token": unsigned({"user": 1})},
        {"token": signed({"exp": 1}, KEY)},
        {"token": 7},
        "text",
        ["list"],
    ],
)
async def test_a_key_lets_nobody_in_without_a_token_signed_with_it(
    auth: Any, tmp_path: Path
) -> None:
    async with server(tmp_path, {"jwt_key": KEY}) as address:
        with pytest.raises(Refusal, match="not accepted"):
            async with visiting(address, auth=auth):
                pass


@pytest.mark.parametrize("before", ["", "Bearer "])
async def test_a_token_signed_with_the_key_opens(before: str, tmp_path: Path) -> None:
    token = before + signed({"user": {"username": "anna"}}, KEY, "HS512")
    credentials = {"jwt_key": KEY, "jwt_method": "HS512"}
    async with (
        server(tmp_path, credentials) as address,
        visiting(address, auth={"token": token}) as page,
    ):
        await say(page, "/greet")
        assert await page.told() == GREETED


@pytest.mark.parametrize("auth", [None, {}, {"token": "x"}, {"token": "\ud800"}, "t" * 20])
async def test_a_channel_with_a_token_lets_nobody_in_without_it(auth: Any, tmp_path: Path) -> None:
    async with server(tmp_path, {"token": ["n" * 20, "t" * 20]}) as address:
        with pytest.raises(Refusal, match="token"):
            async with visiting(address, auth=auth):
                pass
        async with visiting(address, auth={"token": "t" * 20}) as page:
            await say(page, "/greet")
            assert await page.told() == GREETED


async def test_no_more_pages_of_an_address_connect_than_allowed(tmp_path: Path) -> None:
    limit = {"max_sockets_per_address": 2, "unlimited": ()}
    async with server(tmp_path, **limit) as address:
        async with visiting(address), visiting(address):
            with pytest.raises(InvalidStatus):
                async with visiting(address):
                    pass
        async with visiting(address) as page:
            await say(page, "/greet")
            assert await page.told() == GREETED


async def test_a_connection_that_polls_is_counted_though_it_never_says_what_it_wants(
    tmp_path: Path,
) -> None:
    limit = {"max_sockets_per_address": 2, "unlimited": ()}
    async with server(tmp_path, **limit) as address, httpx2.AsyncClient(base_url=address) as client:
        opened = [await client.get(POLL) for _ in range(3)]
        assert [each.status_code for each in opened] == [200, 200, 401]
        assert "Too many pages" in opened[2].text
        url = f"{POLL}&sid={json.loads(opened[0].text[1:])['sid']}"
        await client.post(url, content="1")  # it leaves
        assert (await client.get(POLL)).status_code == 200


async def test_a_page_that_says_too_much_is_told_so(tmp_path: Path) -> None:
    limit = {"conversation_rate": "2/3600", "unlimited": ()}
    async with server(tmp_path, **limit) as address, visiting(address) as page:
        for _ in range(3):
            await say(page, "/greet")
        told = [await page.told() for _ in range(3)]
    assert told.count(GREETED) == 2
    assert ["bot_uttered", {"text": "These are too many messages at once; wait a moment."}] in told


async def test_no_session_is_a_visitors_conversation(tmp_path: Path) -> None:
    async with server(tmp_path, {"session_persistence": True}) as address:
        async with visiting(address) as page:
            await page.emit("session_request", {"session_id": "web:abc"})
            await say(page, "/greet", "web:abc")
            await ask(page, "s-1")  # nothing came before this
        events = (await tracker(address, "web:abc"))["events"]
        assert [event for event in events if event["event"] == "user"] == []


async def test_pages_of_strangers_do_not_connect(tmp_path: Path) -> None:
    async with server(tmp_path, cors=("https://shop.example",)) as address:
        for origin in (address, "https://shop.example"):
            async with visiting(address, origin=origin) as page:
                await say(page, "/greet")
                assert await page.told() == GREETED
        with pytest.raises(Refusal, match="PARLEY_CORS"):
            async with visiting(address, origin="https://evil.example"):
                pass
        async with httpx2.AsyncClient(base_url=address) as client:
            strange = await client.get(POLL, headers={"Origin": "https://evil.example"})
            assert "access-control-allow-origin" not in strange.headers  # no page may read it
            welcome = await client.get(POLL, headers={"Origin": "https://shop.example"})
            assert welcome.headers["access-control-allow-origin"] == "https://shop.example"


async def test_a_client_may_poll_instead_of_holding_a_socket(tmp_path: Path) -> None:
    async with server(tmp_path) as address, httpx2.AsyncClient(base_url=address) as client:
        opened = await client.get(POLL)
        url = f"{POLL}&sid={json.loads(opened.text[1:])['sid']}"
        await client.post(url, content="40")
        assert (await client.get(url)).text.startswith("40")
        await client.post(url, content='42["user_uttered",{"message":"/greet"}]')
        assert (await client.get(url)).text == '42["bot_uttered",{"text":"Hello."}]'


NONSENSE = (
    "",
    "9",
    "2",
    '2["user_uttered"',
    "2" + "[" * 20_000,
    '2["user_uttered",' + '{"message":' * 200 + "1" + "}" * 200 + "]",
    '2["user_uttered"]',
    '2["user_uttered",null]',
    '2["user_uttered",7]',
    '2["user_uttered",{"message":["/greet"]}]',
    '2["user_uttered",{"message":"/greet","metadata":"x"}]',
    '2["user_uttered",{"message":""}]',
    '2["user_uttered",{"message":1e999}]',
    '2["session_request",[[]],3,4]',
    '2["session_request",{"session_id":{"a":1}}]',
    '2["disconnect"]',
    '2["no such event",{}]',
    '599-["user_uttered",{"_placeholder":true,"num":0}]',
    '51-["user_uttered",{"_placeholder":true,"num":9}]',
    '2{"not":"a list"}',
    "3999[]",
    '4"error"',
)


async def test_nonsense_harms_nobody_else(tmp_path: Path) -> None:
    async with server(tmp_path) as address, visiting(address) as witness:
        for packet in NONSENSE:
            async with visiting(address) as page:
                await page.send(packet)
                await page.emit("session_request", {})  # what comes after it, if it may
                await asyncio.wait({asyncio.create_task(page.all_told(0.02))})
            await say(witness, "/greet")
            assert await witness.told() == GREETED, packet[:40]


async def test_who_polls_and_sends_nonsense_is_answered_and_fills_no_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bot.channels.sockets.REQUEST_S", 0.3)
    async with (
        server(tmp_path) as address,
        httpx2.AsyncClient(base_url=address, timeout=10) as client,
    ):
        await client.get(POLL.replace("4", "3"))
        for packet in ("2", "6", "42[", "40{", "451-[", "b" + "A" * 100):
            opened = await client.get(POLL)
            url = f"{POLL}&sid={json.loads(opened.text[1:])['sid']}"
            await client.post(url, content="40")
            assert (await client.post(url, content=packet)).status_code in (200, 400), packet
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


async def test_what_breaks_in_our_own_code_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("a mistake of ours")

    monkeypatch.setattr("bot.channels.socketio.SocketioChannel.parse", broken)
    async with server(tmp_path) as address, visiting(address) as page:
        await say(page, "/greet")
        await page.emit("session_request", {})
        await page.told()
    assert any("a mistake of ours" in (each.exc_text or "") for each in caplog.records)


async def test_what_is_too_long_is_told_and_what_is_far_too_long_ends_the_connection(
    tmp_path: Path,
) -> None:
    async with server(tmp_path, max_message_chars=100) as address, visiting(address) as page:
        await say(page, "a" * 101)
        (_, said) = await page.told()
        assert said["text"].startswith("The message has 101 characters")
        await say(page, "/greet")
        assert await page.told() == GREETED
        async with httpx2.AsyncClient(base_url=address) as client:
            opened = await client.get(POLL)
            url = f"{POLL}&sid={json.loads(opened.text[1:])['sid']}"
            assert (await client.post(url, content="4" * (MOST_FRAME_BYTES + 1))).status_code == 413


async def test_a_message_that_cannot_be_kept_is_answered_with_an_apology(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(*_: Any) -> None:
        raise Unavailable("The database does not answer.")

    monkeypatch.setattr("bot.inbox.Inbox.accept", down)
    async with server(tmp_path) as address, visiting(address) as page:
        await say(page, "/greet")
        assert await page.told() == ["bot_uttered", {"text": APOLOGY}]


async def test_a_setting_that_is_misspelt_is_told_and_the_rest_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with server(tmp_path, {"sesion_persistence": True}) as address, visiting(address) as page:
        await say(page, "/greet", "s-1")
        assert await page.told() == GREETED
    assert "did you mean session_persistence?" in capsys.readouterr().out


async def test_a_connection_takes_part_in_so_many_sessions_and_no_more(tmp_path: Path) -> None:
    async with (
        server(tmp_path, {"session_persistence": True}) as address,
        visiting(address) as page,
    ):
        for number in range(MOST_SESSIONS):
            await ask(page, f"s-{number}")
        await page.emit("session_request", {"session_id": "one more"})
        await say(page, "/greet", "s-0")
        assert await page.told() == GREETED


@pytest.mark.services
async def test_a_server_that_is_told_to_end_lets_go_of_who_is_connected(tmp_path: Path) -> None:
    folder = project(tmp_path / "project", {"session_persistence": True})
    with running(folder, tmp_path / "home", {}, "--nlu", "none") as run:
        address = run.url.rstrip("/")
        async with (
            visiting(address) as page,
            httpx2.AsyncClient(base_url=address, timeout=30) as client,
        ):
            await ask(page, "s-1")
            opened = await client.get(POLL)
            sid = json.loads(opened.text[1:])["sid"]
            poll = asyncio.create_task(client.get(f"{POLL}&sid={sid}"))
            await say(page, "/greet", "s-1")
            assert await page.told() == GREETED
            assert await asyncio.to_thread(run.end) == 0
            assert (await poll).status_code == 200  # and not after the 25 s a poll may last
        assert "Cancel" not in run.printed()


async def test_the_webhook_says_where_to_connect(tmp_path: Path) -> None:
    async with server(tmp_path) as address, httpx2.AsyncClient(base_url=address) as client:
        assert (await client.get("/webhooks/socketio/")).json() == {"status": "ok"}
        refused = await client.post("/webhooks/socketio/webhook", json={"message": "/greet"})
        assert refused.status_code == 404
        assert "/socket.io" in refused.json()["message"]


async def test_a_setting_that_is_wrong_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    for number, wrong in enumerate(
        ({"jwt_method": "none"}, {"session_persistence": "perhaps"}, {"namespace": [1]}, RSA)
    ):
        folder = project(tmp_path / str(number), wrong)
        app = create_app(load_settings(project=folder, home=tmp_path / "home", nlu="none"))
        with pytest.raises(SettingsError, match=r"credentials\.yml: socketio: .*"):
            async with app.router.lifespan_context(app):
                pass


@pytest.mark.skipif(not GOLDEN.exists(), reason="shared/rasa-golden is absent")
@pytest.mark.parametrize(
    "recorded", ["socketio_confirm", "socketio_no_session_id", "socketio_missing_session"]
)
async def test_a_recorded_conversation_goes_as_in_rasa(recorded: str, tmp_path: Path) -> None:
    found = json.loads((GOLDEN / "callouts.json").read_text())
    conversation = next(one for one in found["conversations"] if one.get("id") == recorded)
    any_of = [
        {text["text"].format(city=None) for text in found["response_variations"][name]}
        for name in found["response_variations"]
    ]
    shutil.copytree(GOLDEN / "projects" / "callouts", tmp_path / "project")
    credentials = {"socketio": {"session_persistence": True, "metadata_key": "customData"}}
    (tmp_path / "project/credentials.yml").write_text(json.dumps(credentials))

    def same(told: Any, wanted: Any) -> bool:
        if wanted == ["session_confirm", "<id>"]:
            return told[0] == "session_confirm" and len(told[1]) == 32
        texts = [(told[1] or {}).get("text"), wanted[1].get("text")] if told != wanted else []
        return told == wanted or any(set(texts) <= group for group in any_of)

    async with server(tmp_path) as address, visiting(address) as page:
        for step in conversation["steps"]:
            if len(step["emit"]) == 2 and step["emit"][1].get("message") == "/nothing":
                step["emit"][1]["message"] = "/greet"  # what the recorded classifier took it for
            await page.emit(*step["emit"])
            for wanted in step["received"]:
                assert same(await page.told(), wanted), (step["emit"], wanted)
            if not step["received"]:
                assert await page.all_told(0.5) == []
