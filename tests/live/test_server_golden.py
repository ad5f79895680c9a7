"""What Rasa 3.6 answered over HTTP, asked of this server."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from bot.app import create_app
from bot.settings import Settings
from tests.serving import served
from tests.transcripts.golden import GOLDEN, load, plain

CONVERSATIONS = (
    "meta",
    "parse",
    "tracker_new",
    "tracker_views",
    "append_events",
    "rest_stream",
    "rest_bad_bodies",
)
# Of this project or version, or a route that is not there yet, or an error worded or coded
# otherwise: (conversation, step).
OTHERWISE = {
    ("meta", 0),  # says Rasa and its version
    ("meta", 1),
    ("meta", 2),
    ("meta", 6),  # an error is an object here
    ("meta", 8),
    ("parse", 3),  # emulation_mode
    ("parse", 4),
    ("parse", 6),  # no text is the client's error here
    ("tracker_new", 0),  # story
    ("tracker_new", 3),
    ("tracker_views", 7),  # its store in memory had forgotten the earlier session
    ("tracker_views", 10),  # story
    ("tracker_views", 11),
    ("rest_bad_bodies", 2),
}

pytestmark = pytest.mark.skipif(
    not GOLDEN.exists(), reason="shared/rasa-golden, the recordings of Rasa, is not here"
)


@pytest.mark.parametrize("name", CONVERSATIONS)
async def test_the_server_answers_as_rasa_did(name, tmp_path):
    recording = load("http_api")
    (conversation,) = (one for one in recording.conversations if one["id"] == name)
    settings = Settings(project=recording.project, home=tmp_path)
    answers: dict[int, tuple[Any, Any]] = {}
    async with served(create_app(settings)) as client:
        for number, step in enumerate(conversation["steps"]):
            answer = await _ask(client, step, name)
            if (name, number) not in OTHERWISE:
                got, want = _compared(answer, step)
                answers[number] = got, json.loads(json.dumps(want).replace("{sender}", name))
    assert answers
    for number, (got, want) in answers.items():
        assert (number, got) == (number, want)


async def _ask(client: httpx2.AsyncClient, step: dict[str, Any], sender: str) -> httpx2.Response:
    if "user" in step:
        said = dict(step["user"])
        query = said.pop("query", "")
        body = {"sender": sender, **said}
        return await client.post(f"/webhooks/rest/webhook{query}", json=body)
    http = step["http"]
    path = http["path"].replace("{sender}", sender)
    body = http.get("body")
    content = None if body is None else body if isinstance(body, str) else json.dumps(body)
    return await client.request(http["method"], path, content=content, headers=http.get("headers"))


def _compared(answer: httpx2.Response, step: dict[str, Any]) -> tuple[Any, Any]:
    """What is comparable of an answer, and of what Rasa answered."""
    if "user" in step:
        lines = [json.loads(line) for line in answer.text.splitlines()]
        got = lines[0] if len(lines) == 1 else lines
        return plain(got), plain(step["bot"])
    if answer.is_error:
        return answer.status_code, step["status"]
    if "json" not in step:
        return [answer.status_code, answer.text], [step["status"], step["text"]]
    got = answer.json()
    if isinstance(got, dict):
        for key in ("latest_event_time", "intent_ranking"):  # told more often than Rasa does
            if key not in step["json"]:
                got.pop(key, None)
    return [answer.status_code, plain(got)], [step["status"], plain(step["json"])]
