"""Reminders and events handed on, by real servers that are killed in between."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.command import PATIENCE_S, Run, running, until, write
from tests.transcripts.stand_ins import answering

pytestmark = pytest.mark.services

BROKER = "event_broker: {type: file, path: events.log}\n"


def remind(run: Run, seconds: float, *, channel: str = "rest", sender: str = "ann") -> None:
    """Set a reminder of the conversation, as an action could."""
    due = datetime.now(UTC) + timedelta(seconds=seconds)
    event = {
        "event": "reminder",
        "intent": "greet",
        "entities": {"name": "Ada"},
        "date_time": due.isoformat(),
        "name": "later",
    }
    answer = run.client.post(
        f"/conversations/{sender}/tracker/events?execute_side_effects=true&output_channel={channel}",
        json=event,
    )
    assert answer.status_code == 200, answer.text


def spoken(events: list[dict[str, Any]]) -> list[str]:
    return [event["text"] for event in events if event["event"] in ("user", "bot")]


def test_a_reminder_of_a_server_that_was_killed_is_said_by_the_next_and_every_event_handed_on(
    tmp_path: Path,
) -> None:
    project = write(tmp_path / "project", **{"endpoints.yml": BROKER})
    with running(project, tmp_path / "home") as run:
        run.say("hello")
        remind(run, 1)
        run.process.send_signal(signal.SIGKILL)
        run.process.wait()
    with running(project, tmp_path / "home") as run:
        until(lambda: len(spoken(run.events())) == 4, "the reminder")
        run.say("hello")
        logged = run.events()
        last = logged[-1]
        until(lambda: published(project)[-1:] == [last], "the last event handed on")
    assert spoken(logged) == [
        *("hello", "Hello None."),
        *("EXTERNAL: greet", "Hello Ada."),
        *("hello", "Hello Ada."),
    ]
    handed_on = published(project)
    assert [event for n, event in enumerate(handed_on) if event not in handed_on[:n]] == logged


def test_what_the_bot_says_at_a_reminder_goes_to_the_channel_it_was_set_for(
    tmp_path: Path,
) -> None:
    posted: list[Any] = []
    with answering(posted.append) as url:
        credentials = json.dumps({"callback": {"url": url}})
        project = write(tmp_path / "project", **{"credentials.yml": credentials})
        with running(project, tmp_path / "home") as run:
            remind(run, 0.2, channel="callback")
            until(lambda: posted, "the callback")
    assert posted == [{"recipient_id": "ann", "text": "Hello Ada."}]


def test_a_page_that_is_open_shows_what_the_bot_says_at_a_reminder(tmp_path: Path) -> None:
    project = write(tmp_path / "project")
    with running(project, tmp_path / "home") as run:
        address = run.url.replace("http", "ws", 1).rstrip("/")
        with connect(f"{address}/webhooks/web/socket") as page:
            page.send('{"type": "begin"}')
            name = json.loads(page.recv(timeout=PATIENCE_S))["conversation"]
            remind(run, 0.2, channel="web", sender=f"web:{name}")
            until(lambda: "Hello Ada." in page.recv(timeout=PATIENCE_S), "the message")


def published(project: Path) -> list[dict[str, Any]]:
    """What the event broker was handed, as the tracker shows it."""
    path = project / "events.log"
    lines = path.read_text().splitlines() if path.exists() else []
    return [
        {key: value for key, value in json.loads(line).items() if key != "sender_id"}
        for line in lines
    ]
