"""Recordings of a real Rasa 3.6 server, replayed against a server that answers HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2

from tests.transcripts.golden import (
    Difference,
    Recording,
    Seen,
    body_of,
    compared,
    is_strict,
    plain,
)

WEBHOOK = "/webhooks/rest/webhook"
FAILURE_KEYS = ("status", "reason", "code")  # of an error body; its wording is each server's own


def replay(
    client: httpx2.Client,
    recording: Recording,
    conversation: dict[str, Any],
    *,
    sender: str,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Difference]:
    """Do what was done to Rasa, as ``sender``; what is different?"""
    differences: list[Difference] = []
    tail = Tail(client, sender)
    for number, step in enumerate(conversation["steps"]):
        found: list[Difference] = []
        said: list[Any] = []
        if "sleep" in step:
            sleep(step["sleep"])
        elif "http" in step:
            found = list(asked(client, step, number, sender))
        else:
            said = say(client, step, sender)
        if "new_events" in step or "flow" in step:
            seen = Seen(said, *tail.read())
            found += compared(step, number, seen, recording.content)
        elif "bot" in step and plain(said) != plain(step["bot"]):
            found.append(Difference(number, "bot", said, step["bot"]))
        if is_strict(conversation, number):
            differences += found
    return differences


def say(client: httpx2.Client, step: dict[str, Any], sender: str) -> list[Any]:
    """The messages that answer a user step."""
    body = body_of(step)
    query = body.pop("query", "")
    answer = client.post(WEBHOOK + query, json={**body, "sender": sender})
    if "stream=true" in query:
        return [json.loads(line) for line in answer.text.splitlines() if line.strip()]
    return answer.json() if answer.is_success else [{"status": answer.status_code}]


def asked(
    client: httpx2.Client, step: dict[str, Any], number: int, sender: str
) -> Iterator[Difference]:
    """Where the answer to an HTTP step is not what was recorded."""
    http = filled(step["http"], sender)
    body = http.get("body")
    content = None if body is None else body if isinstance(body, str) else json.dumps(body)
    headers = {"Content-Type": "application/json", **(http.get("headers") or {})}
    answer = client.request(http["method"], http["path"], content=content, headers=headers)
    if answer.status_code != step["status"]:
        yield Difference(number, "status", [answer.status_code, answer.text], step["status"])
    elif isinstance(want := filled(step.get("json"), sender), dict):
        keys = FAILURE_KEYS if want.get("status") == "failure" else tuple(want)
        found = answer.json()
        got = plain({key: found.get(key) for key in keys})
        if got != (want := plain({key: want.get(key) for key in keys})):
            yield Difference(number, "json", got, want)


def filled(value: Any, sender: str) -> Any:
    """``value`` with the conversation's id where the recording says ``{sender}``."""
    return json.loads(json.dumps(value).replace("{sender}", sender))


class Tail:
    """What is new in a conversation's tracker since the last look."""

    def __init__(self, client: httpx2.Client, sender: str) -> None:
        self._client, self._sender = client, sender
        self._last: dict[str, Any] | None = None

    def read(self) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The new events, and the whole state."""
        path = f"/conversations/{self._sender}/tracker?include_events=ALL"
        state = self._client.get(path).json()
        events = state["events"]
        # Events may have been replaced over HTTP, so the last one seen is looked for.
        places = [place for place, event in enumerate(events) if event == self._last]
        new = events[places[-1] + 1 :] if places else events
        self._last = events[-1] if events else None
        return new, state
