"""The whole server, on real SQLite and Redis, asked over HTTP and WebSocket."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path

import httpx2
import pytest
import uvicorn
from redis.asyncio import Redis
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from bot.app import Opening, create_app
from bot.errors import ParleyError
from bot.opening import open_parley
from bot.settings import load_settings
from bot.store import schema
from bot.store.redis import RedisLeases, RedisNews

PROJECT = Path(__file__).parents[1] / "data" / "projects" / "greeter"
WEBHOOK = "/webhooks/rest/webhook"


class Server:
    """A server under uvicorn, and a client of it."""

    def __init__(self, port: int, client: httpx2.AsyncClient) -> None:
        self.port, self.client = port, client

    async def say(self, text: str, sender: str = "anna", **more: object) -> list[dict]:
        body = {"sender": sender, "message": text, **more}
        answer = await self.client.post(WEBHOOK, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def events(self, conversation: str = "anna") -> list[dict]:
        found = await self.client.get(f"/conversations/{conversation}/tracker?include_events=ALL")
        return found.json()["events"]

    @asynccontextmanager
    async def page(self, ticket: str = "", after: int = 0):
        """A page that has begun, and the frame that says of what."""
        async with connect(f"ws://127.0.0.1:{self.port}/webhooks/web/socket") as socket:
            await socket.send(json.dumps({"type": "begin", "ticket": ticket, "after": after}))
            yield socket, json.loads(await socket.recv())


class Listening(uvicorn.Server):
    """Says when it listens, and leaves signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    def capture_signals(self):
        return nullcontext()


@asynccontextmanager
async def serving(*, opening: Opening = open_parley, **settings: object) -> AsyncIterator[Server]:
    app = create_app(load_settings(project=PROJECT, **settings), opening=opening)
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="off", ws_max_size=65_536)
    server = Listening(config)
    async with app.router.lifespan_context(app):
        task = asyncio.create_task(server.serve())
        await server.listening.wait()
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            async with httpx2.AsyncClient(
                base_url=f"http://127.0.0.1:{port}", timeout=30
            ) as client:
                yield Server(port, client)
        finally:
            server.should_exit = True
            await task


@pytest.fixture(autouse=True)
def callback_url(monkeypatch):
    monkeypatch.setenv("CALLBACK_URL", "http://127.0.0.1:9/callback")


@pytest.fixture
async def server(tmp_path, redis_url):
    async with serving(home=tmp_path, redis_url=redis_url) as server:
        yield server


async def frames_until(socket, *kinds):
    """The frames up to the first of one of ``kinds``."""
    frames = []
    while not frames or frames[-1]["type"] not in kinds:
        frames.append(json.loads(await asyncio.wait_for(socket.recv(), 10)))
    return frames


async def test_a_conversation_over_rest(server):
    assert await server.say("hello") == [
        {"recipient_id": "anna", "text": "Hello None."},
        {"recipient_id": "anna", "text": "How can I help?"},
    ]
    (asked, image) = await server.say("/order")
    assert asked["text"] == "Which one?"
    assert asked["buttons"][0]["title"] == "The blue one"
    assert image == {"recipient_id": "anna", "image": "https://example.org/blue.png"}
    assert (await server.say(asked["buttons"][0]["payload"]))[0]["text"] == "Hello Blue."
    tracker = (await server.client.get("/conversations/anna/tracker")).json()
    assert tracker["slots"]["name"] == "Blue"
    assert tracker["latest_input_channel"] == "rest"


async def test_a_repeated_message_id_is_answered_from_the_log(server):
    first = await server.say("hello", message_id="m-1")
    assert await server.say("hello", message_id="m-1") == first
    assert [e["event"] for e in await server.events()].count("user") == 1


async def test_many_conversations_at_once_keep_apart(server):
    said = [(f"user-{n}", f'/greet{{"name": "N{n}"}}') for n in range(20)]
    answers = await asyncio.gather(*(server.say(text, sender) for sender, text in said))
    assert [answer[0]["text"] for answer in answers] == [f"Hello N{n}." for n in range(20)]


async def test_messages_of_one_conversation_are_answered_in_turn(server):
    answers = await asyncio.gather(
        *(server.say(f'/greet{{"name": "N{n}"}}', message_id=f"m-{n}") for n in range(8))
    )
    assert sorted(answer[0]["text"] for answer in answers) == [f"Hello N{n}." for n in range(8)]
    events = [e["event"] for e in await server.events() if e["event"] in ("user", "bot")]
    assert events == ["user", "bot"] * 8


async def test_a_stream_has_a_line_per_message(server):
    body = {"sender": "anna", "message": "hello"}
    answer = await server.client.post(f"{WEBHOOK}?stream=true", json=body)
    assert [json.loads(line)["text"] for line in answer.text.splitlines()] == [
        "Hello None.",
        "How can I help?",
    ]


async def test_a_paused_bot_is_silent_until_it_is_resumed(server):
    path = "/conversations/anna/tracker/events"
    await server.say("hello")
    assert (await server.client.post(path, json={"event": "pause"})).json()["paused"]
    assert await server.say("hello") == []
    assert not (await server.client.post(path, json={"event": "resume"})).json()["paused"]
    assert len(await server.say("hello")) == 2


async def test_a_conversation_over_the_web_channel(server):
    async with server.page() as (socket, begun):
        hello = (await frames_until(socket, "hello"))[-1]
        assert hello["seq"] == 0
        await socket.send(json.dumps({"type": "message", "id": "m-1", "text": "hello"}))
        frames = await frames_until(socket, "typing")
        assert frames[-1]["on"] is True
        frames = await frames_until(socket, "typing")
        said = [f for f in frames if f["type"] == "message"]
        assert [(f["from"], f["text"]) for f in said] == [
            ("user", "hello"),
            ("bot", "Hello None.\n\nHow can I help?"),
        ]
        assert said[0]["id"] == "m-1"
    async with server.page(begun["ticket"], after=said[0]["seq"]) as (socket, _):
        frames = await frames_until(socket, "hello")
        assert [f["from"] for f in frames[:-1]] == ["bot"]


async def test_what_another_process_commits_reaches_the_page(server, tmp_path, redis_url):
    async with (
        serving(home=tmp_path, redis_url=redis_url) as other,
        server.page() as (socket, begun),
    ):
        await frames_until(socket, "hello")
        event = {"event": "agent", "text": "Ana here"}
        path = f"/conversations/web:{begun['conversation']}/tracker/events"
        await other.client.post(path, json=event)
        assert (await frames_until(socket, "message"))[-1]["text"] == "Ana here"


async def test_a_redis_that_nobody_else_asks_has_trackers_alone(tmp_path, redis_url, monkeypatch):
    monkeypatch.delattr(RedisLeases, "hold")
    monkeypatch.delattr(RedisNews, "listen")
    opening = partial(open_parley, sole=True)
    async with serving(opening=opening, home=tmp_path, redis_url=redis_url) as server:
        assert await server.say("hello")
        assert await server.say("hello")
        assert (await server.client.get("/ready")).json()["checks"]["redis"] == "ok"
    async with Redis.from_url(redis_url) as client:
        assert await client.keys("*{anna}:tracker")


async def test_callback_replies_are_posted_in_order(tmp_path, redis_url, monkeypatch):
    posted: list[dict] = []
    enough = asyncio.Event()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        posted.append(json.loads(await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()
        if len(posted) == 2:
            enough.set()

    shop = await asyncio.start_server(receive, "127.0.0.1", 0)
    port = shop.sockets[0].getsockname()[1]
    monkeypatch.setenv("CALLBACK_URL", f"http://127.0.0.1:{port}/callback")
    async with shop, serving(home=tmp_path, redis_url=redis_url) as server:
        body = {"sender": "anna", "message": "hello"}
        answer = await server.client.post("/webhooks/callback/webhook", json=body)
        assert answer.text == "success"
        await asyncio.wait_for(enough.wait(), 20)
    assert posted == [
        {"recipient_id": "anna", "text": "Hello None."},
        {"recipient_id": "anna", "text": "How can I help?"},
    ]


async def test_an_action_without_a_server_is_told_to_the_user(server):
    (answer,) = await server.say("/crash")
    assert answer["text"].startswith("Sorry")


async def test_the_server_is_ready_and_counts_its_turns(server):
    await server.say("hello")
    checks = (await server.client.get("/ready")).json()["checks"]
    assert checks == {"model": "ok", "sql": "ok", "redis": "ok"}
    metrics = (await server.client.get("/metrics")).text
    assert 'parley_turns_total{channel="rest",outcome="done"} 1.0' in metrics
    assert 'parley_step_seconds_count{step="nlu"} 1.0' in metrics


async def test_turns_go_on_without_redis_and_ready_says_so(tmp_path, own_valkey):
    async with serving(home=tmp_path, redis_url=own_valkey.url) as server:
        await server.say('/greet{"name": "Ada"}')
        async with server.page() as (socket, _):
            await frames_until(socket, "hello")
            own_valkey.kill()
            assert (await server.say("hello"))[0]["text"] == "Hello Ada."
            await socket.send(json.dumps({"type": "message", "id": "m-1", "text": "hello"}))
            frames = await frames_until(socket, "message")
            frames += await frames_until(socket, "message")
            assert [f["from"] for f in frames if f["type"] == "message"] == ["user", "bot"]
        ready = await server.client.get("/ready")
        assert ready.status_code == 503
        assert "redis" in ready.json()["message"]


async def test_conversations_outlive_the_server(tmp_path, redis_url):
    async with serving(home=tmp_path, redis_url=redis_url) as server:
        await server.say('/greet{"name": "Ada"}')
    async with serving(home=tmp_path) as server:  # no Redis this time
        assert (await server.say("hello"))[0]["text"] == "Hello Ada."


@pytest.mark.parametrize("text", ["\ud800", "a\x00b", "\x1b[31m", "x" * 10_000, "😀" * 500, " "])
async def test_strange_texts_are_answered_and_the_server_lives(server, text):
    body = json.dumps({"sender": "odd", "message": text})
    answer = await server.client.post(WEBHOOK, content=body)
    assert answer.status_code == 200
    assert len(await server.say("hello", "odd")) == 2


async def test_a_project_that_is_not_there_stops_the_start_with_a_sentence(tmp_path):
    app = create_app(load_settings(project=tmp_path / "nothing", home=tmp_path))
    with pytest.raises(ParleyError, match="nothing"):
        async with app.router.lifespan_context(app):
            pass


async def test_a_database_that_is_not_there_stops_the_start_with_a_sentence(tmp_path):
    url = "postgresql://parley@127.0.0.1:9/none"
    app = create_app(load_settings(project=PROJECT, home=tmp_path, database_url=url))
    with pytest.raises(ParleyError, match=r"127\.0\.0\.1"):
        async with app.router.lifespan_context(app):
            pass


def test_serving_imports_no_training():
    look = "import bot.app, sys; print([m for m in ('torch', 'transformers') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class SlowActions:
    """An action server that answers when it is let."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.asked = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        self.asked.set()
        await self.let.wait()
        body = b'{"events": [], "responses": [{"text": "late but here"}]}'
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n" % len(body))
        writer.write(b"Content-Type: application/json\r\n\r\n" + body)
        writer.close()


async def test_a_late_answer_is_504_and_stored_for_the_same_message_id(tmp_path, redis_url):
    slow = SlowActions()
    actions = await asyncio.start_server(slow, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{actions.sockets[0].getsockname()[1]}/webhook"
    settings = {"home": tmp_path, "redis_url": redis_url, "response_timeout_s": 0.5}
    async with actions, serving(actions_url=url, **settings) as server:
        body = {"sender": "anna", "message": "/crash", "message_id": "m-1"}
        late = await server.client.post(WEBHOOK, json=body)
        assert (late.status_code, late.json()["reason"]) == (504, "Timeout")
        await slow.asked.wait()
        slow.let.set()
        async with serving(home=tmp_path, redis_url=redis_url) as other:  # with more patience
            assert await other.say("/crash", message_id="m-1") == [
                {"recipient_id": "anna", "text": "late but here"}
            ]


async def test_a_lost_database_is_503_and_ready_names_it(tmp_path, own_postgres):
    url = own_postgres.url("postgres")
    await asyncio.to_thread(schema.upgrade, url)
    async with serving(home=tmp_path, database_url=url) as server:
        assert len(await server.say("hello")) == 2
        await asyncio.to_thread(own_postgres.stop)
        body = {"sender": "anna", "message": "hello"}
        answer = await server.client.post(WEBHOOK, json=body)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "2"
        ready = await server.client.get("/ready")
        assert (ready.status_code, ready.json()["details"]["checks"]["model"]) == (503, "ok")
        assert "sql: " in ready.json()["message"]


async def test_a_database_without_tables_stops_the_start_with_a_sentence(
    tmp_path, empty_postgres_url
):
    settings = load_settings(project=PROJECT, home=tmp_path, database_url=empty_postgres_url)
    app = create_app(settings)
    with pytest.raises(ParleyError, match="parley db upgrade"):
        async with app.router.lifespan_context(app):
            pass


async def test_a_frame_that_is_too_large_ends_the_connection_and_nothing_else(server):
    async with server.page() as (socket, _):
        await frames_until(socket, "hello")
        await socket.send("x" * 100_000)
        with pytest.raises(ConnectionClosed) as closed:
            await frames_until(socket, "message")
    assert closed.value.rcvd.code == 1009
    assert len(await server.say("hello")) == 2
