"""What the server says to the outside goes as recorded from Rasa 3.6.

Response server, callback channel, event broker; the socket.io channel has tests of its own.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
import pytest

from bot.app import create_app
from bot.settings import load_settings
from tests.serving import served
from tests.transcripts.golden import GOLDEN, load, plain

SOON_S = 20.0
OTHER_WORDS = {"Hello again None": "Hi None", "greet-2": "greet-1"}  # of the same response

pytestmark = [
    pytest.mark.skipif(not GOLDEN.is_dir(), reason="shared/rasa-golden is absent"),
    pytest.mark.services,
]


def worded(name: str) -> tuple[int, Any]:
    """What the recorded response server answered."""
    ask = {"title": "One", "payload": '/book{"seats": "1"}'}
    match name:
        case "utter_rich":
            image = "https://example.org/n.png"
            return 200, {"text": "server rich", "custom": {"a": 1}, "image": image}
        case "utter_bye":
            return 200, {"text": "from the response server: bye"}
        case "utter_ask_seats":
            return 200, {"text": "server asks seats", "buttons": [ask]}
        case "utter_done":
            return 500, {"error": "out of words"}
        case _:
            return 200, {"text": f"server {name}"}


class Recorder:
    """The world outside: remembers what it is told, at which path."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.address = ""

    def answer(self, path: str, body: Any) -> tuple[int, Any]:
        self.calls.append({"path": path, "body": body})
        return worded(body["response"]) if path == "/nlg" else (200, {})

    async def heard(self, many: int) -> list[dict[str, Any]]:
        """The calls, once there are so many, from now on forgotten."""
        async with asyncio.timeout(SOON_S):
            while len(self.calls) < many:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        calls, self.calls = self.calls, []
        return calls

    @contextmanager
    def listening(self) -> Iterator[None]:
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, said = recorder.answer(self.path, json.loads(body))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(said).encode())

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: the tests' output is their own."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with recorder.listening():
        yield recorder


@pytest.mark.parametrize("name", ["nlg_rest", "nlg_callback", "callback"])
async def test_what_is_called_out_goes_as_in_rasa(
    name: str, recorder: Recorder, tmp_path: Path
) -> None:
    recording = load("callouts")
    (conversation,) = (each for each in recording.conversations if each["id"] == name)
    endpoints: dict[str, Any] = {"event_broker": {"type": "file", "path": "events.log"}}
    if name.startswith("nlg"):
        endpoints["nlg"] = {"url": f"{recorder.address}/nlg"}
    shutil.copytree(recording.project, tmp_path / "project")
    (tmp_path / "project/endpoints.yml").write_text(json.dumps(endpoints))
    credentials = {"callback": {"url": f"{recorder.address}/cb"}}
    (tmp_path / "project/credentials.yml").write_text(json.dumps(credentials))
    settings = load_settings(project=tmp_path / "project", home=tmp_path, nlu="none")
    channel = "rest" if name == "nlg_rest" else "callback"
    async with served(create_app(settings)) as client:
        for step in conversation["steps"]:
            answer = await say(client, channel, f"u-{name}", step["user"])
            assert answer == step["answer"]
            calls = await recorder.heard(len(step.get("calls", ())))
            assert differences(calls, step.get("calls", [])) == []
        if name == "callback":
            (broker,) = (each for each in recording.conversations if each["id"] == "event_broker")
            published = await lines(tmp_path / "project/events.log", len(broker["events"]))
            assert same(published) == same(broker["events"])


async def say(client: httpx2.AsyncClient, channel: str, sender: str, said: Any) -> Any:
    """The answer to ``said``, JSON or a plain word."""
    body = {"message": said} if isinstance(said, str) else said
    answer = await client.post(f"/webhooks/{channel}/webhook", json={**body, "sender": sender})
    assert answer.status_code == 200
    return answer.json() if channel == "rest" else answer.text


async def lines(path: Path, many: int) -> list[Any]:
    """The first so many lines of the file, once they are there."""
    async with asyncio.timeout(SOON_S):
        while True:
            if len(written := read(path)) >= many:
                return written[:many]
            await asyncio.sleep(0.05)


def read(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def differences(calls: list[Any], recorded: list[Any]) -> list[Any]:
    """The calls that are not as recorded, beside what was."""
    assert len(calls) == len(recorded)
    pairs = [
        (told(call, want), told(want, want)) for call, want in zip(calls, recorded, strict=True)
    ]
    return [(ours, theirs) for ours, theirs in pairs if ours != theirs]


def told(call: dict[str, Any], recorded: dict[str, Any]) -> Any:
    """``call`` without what differs from run to run; its tracker only where it was recorded."""
    body = {"to": call["body"].get("recipient_id"), **call["body"]}
    if isinstance(recorded["body"].get("tracker"), dict):
        body["tracker"] = {**body["tracker"], "latest_event_time": None}
    else:
        body.pop("tracker", None)
    return same({**call, "body": body})


def same(found: Any) -> Any:
    """``found`` without what differs from run to run."""
    return _reworded(plain(found))


def _reworded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _reworded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_reworded(each) for each in value]
    return OTHER_WORDS.get(value, value) if isinstance(value, str) else value
