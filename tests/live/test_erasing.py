"""A user is erased while he writes, by a real command beside a real server."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from bot.store.audits import open_audit
from bot.store.chain import Broken
from tests.command import WEBHOOK, Run, parley, running, until, write

pytestmark = pytest.mark.services


class Talker:
    """Says one thing after another for ``ann``, and remembers what was answered."""

    def __init__(self, server: Run, name: str) -> None:
        self.answered: list[str] = []
        self.statuses: set[int] = set()
        self._url, self._name = server.url, name
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._talk)
        self._thread.start()

    def end(self) -> None:
        self._enough.set()
        self._thread.join()

    def _talk(self) -> None:
        with httpx2.Client(base_url=self._url, timeout=60) as client:
            number = 0
            while not self._enough.is_set():
                number += 1
                said = f"canary-{self._name}-{number}."
                answer = client.post(WEBHOOK, json={"sender": "ann", "message": said})
                self.statuses.add(answer.status_code)
                if answer.status_code == 200:
                    self.answered.append(said)


def stored(home: Path, files: str) -> bytes:
    """All that is in these files."""
    found = []
    for file in home.glob(files):
        with suppress(FileNotFoundError):  # Redis drops its old ones just then
            found.append(file.read_bytes() if file.is_file() else b"")
    return b"".join(found)


def among(texts: Sequence[str], found: bytes) -> list[str]:
    """Which of the texts are there."""
    return [text for text in texts if text.encode() in found]


async def broken(home: Path) -> Sequence[Broken]:
    """What is wrong with the audit log."""
    async with open_audit(f"sqlite:///{home / 'parley.db'}") as audit:
        verdict = await audit.verify()
    assert verdict.rows > 2
    return verdict.broken


def test_what_was_answered_before_the_erasure_is_nowhere_after_it(tmp_path: Path) -> None:
    project, home = write(tmp_path / "project"), tmp_path / "home"
    with running(project, home) as server:
        talkers = [Talker(server, name) for name in "abc"]
        try:
            until(lambda: all(len(talker.answered) > 5 for talker in talkers), "answers")
            before = [said for talker in talkers for said in talker.answered]
            done = parley("privacy", "erase", "ann", "--yes", "-p", project, home=home)
            assert done.returncode == 0, done.stderr
            receipt = json.loads(done.stdout)
            assert receipt["removed"]["log"]["events"] > len(before)
            assert receipt["not_reached"] == {}
            held = server.client.post("/privacy/export", json={"user": "ann"}).text
            tracker = str(server.events())
            assert [said for said in before if said in held + tracker] == []
            in_sql = stored(home, "parley.db*")
            assert b"canary-" in in_sql, "they go on talking"
            assert among(before, in_sql) == []
            until(lambda: not among(before, stored(home, "redis/**/*")), "a new file of Redis")
        finally:
            for talker in talkers:
                talker.end()
        later = server.say("canary-last")
        assert later is not None
        assert "canary-last" in str(server.events())
        assert set().union(*(talker.statuses for talker in talkers)) <= {200, 404, 503}
        assert "Traceback" not in server.printed()
        assert server.end() == 0
    assert asyncio.run(broken(home)) == []
