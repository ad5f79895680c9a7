"""What Rasa 3.6 answered over HTTP, asked of `parley run` with its own Valkey."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bot.model.package import pack
from tests.command import Run, running
from tests.signing import signed
from tests.transcripts.differences import DELIBERATE, Place
from tests.transcripts.golden import GOLDEN, Recording, Seen, body_of, compared, load, plain
from tests.transcripts.over_http import Tail, filled, say

SECRET = "abcdefghijklmnopqrstuvwxyz012345"  # of the recording
TOKENS = {
    "JWT_ADMIN": signed({"user": {"username": "x", "role": "admin"}}, SECRET),
    "JWT_USER_A": signed({"user": {"username": "a", "role": "user"}}, SECRET),
    "JWT_BAD": signed({"user": {"username": "a", "role": "admin"}}, SECRET[::-1]),
}
RECORDINGS = {
    "http_api": (),
    "http_api_sqlite": (),
    "http_auth": ("--auth-token", "s3cret", "--jwt-secret", SECRET),
    "split_domain": (),
}
PACKAGE = Path("models/golden.tar.gz")
FAILURE_KEYS = ("status", "reason", "code", "details")  # the wording is each server's own

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(not GOLDEN.exists(), reason="shared/rasa-golden is absent"),
]


def recorded() -> Iterator[tuple[str, str]]:
    for name in RECORDINGS if GOLDEN.exists() else ():
        for conversation in load(name).conversations:
            if any("http" in step for step in conversation["steps"]):
                yield name, conversation["id"]


@contextmanager
def serving(recording: Recording, folder: Path, *arguments: str) -> Iterator[Run]:
    """A server of the recorded project, served from a package as Rasa serves one."""
    project = folder / "project"
    shutil.copytree(recording.project, project)
    (project / PACKAGE).parent.mkdir()
    pack(project, project / "models", project / PACKAGE)
    model = ("--model", str(PACKAGE), *arguments)
    with running(project, folder / "home", {}, *model) as run:
        yield run


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server for each recording, started when it is first asked for."""
    started: dict[str, Run] = {}
    with ExitStack() as stack:

        def server(name: str) -> Run:
            if name not in started:
                folder = tmp_path_factory.mktemp(name)
                serve = serving(load(name), folder, *RECORDINGS[name])
                started[name] = stack.enter_context(serve)
            return started[name]

        yield server


@pytest.mark.parametrize(("name", "conversation_id"), list(recorded()))
def test_the_server_answers_as_rasa_did(servers: Any, name: str, conversation_id: str):
    recording = load(name)
    (conversation,) = (c for c in recording.conversations if c["id"] == conversation_id)
    client = servers(name).client
    tail = Tail(client, conversation_id)
    wrong, shown = [], set()
    for number, step in enumerate(conversation["steps"]):
        facts = list(_facts(client, step, conversation_id))
        if step.get("new_events") is not None:
            seen = Seen([], *tail.read())
            told = {key: value for key, value in step.items() if key != "bot"}
            found = compared(told, number, seen, recording.content)
            facts += [(each.part, each.got, each.want) for each in found]
        for part, got, want in facts:
            if got == want:
                continue
            if place := _place(name, conversation_id, number, part):
                shown.add(place)
            else:
                wrong.append((number, part, got, want))
    assert wrong == []
    assert shown == {place for place in _places() if _is_of(place, name, conversation_id)}


def _places() -> Iterator[Place]:
    return (place for each in DELIBERATE for place in each.recorded)


def _place(*where: Any) -> Place | None:
    """Where the list of deliberate differences has it."""
    return next((place for place in _places() if place.covers(*where)), None)


def _is_of(place: Place, name: str, conversation_id: str) -> bool:
    return (place.recording, place.conversation) == (name, conversation_id)


def _facts(
    client: httpx2.Client, step: dict[str, Any], sender: str
) -> Iterator[tuple[str, Any, Any]]:
    """What is compared of a step, ours, Rasa's."""
    if "user" in step:
        said = plain(say(client, {**step, "user": body_of(step)}, sender))
        want = plain(step["bot"])
        yield "bot", said, want if isinstance(want, list) else [want]
        return
    answer = _ask(client, filled(step["http"], sender))
    yield "status", answer.status_code, step["status"]
    kind = answer.headers.get("content-type")
    yield "content_type", kind, step["content_type"]
    if "json" not in step:
        yield "text", answer.text, filled(step["text"], sender)
    elif kind == "application/json":
        want = filled(step["json"], sender)
        yield "json", *_comparable(answer.json(), want)


def _ask(client: httpx2.Client, http: dict[str, Any]) -> httpx2.Response:
    body, headers = http.get("body"), dict(http.get("headers") or {})
    for name, token in TOKENS.items():
        headers = {key: value.replace(name, token) for key, value in headers.items()}
    content = None if body is None else body if isinstance(body, str) else json.dumps(body)
    return client.request(http["method"], http["path"], content=content, headers=headers)


def _comparable(got: Any, want: Any) -> tuple[Any, Any]:
    if not isinstance(want, dict):
        return plain(got), plain(want)
    if want.get("status") == "failure":
        want = {key: want[key] for key in FAILURE_KEYS}
    return plain(_recorded_part(got, want)), plain(want)


def _recorded_part(got: Any, want: dict[str, Any]) -> dict[str, Any]:
    """``got`` without what was left out of the recording, in its tracker too."""
    found = {key: got.get(key) for key in want}
    if "tracker" in want:
        found["tracker"] = _recorded_part(found["tracker"], want["tracker"])
    return found
