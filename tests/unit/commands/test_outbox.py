"""`parley outbox`, on a log in which sending went wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.dialogue.messages import Reply
from bot.errors import ParleyError, SettingsError
from bot.outbox import sent_again
from bot.store import schema
from bot.store.sql import SqlLog, open_log
from tests.command import write


async def fill(url: str) -> list[int]:
    """One reply in every state; gives their numbers."""
    states = {"lost": "failed", "perhaps": "unknown", "fine": "sent"}
    async with open_log(url) as log:
        for name in (*states, "coming"):
            replies = [Reply(name, f"to {name}")]
            await log.commit(name, [], seq=0, epoch=0, replies=replies, channel="telegram")
        numbers = [(await log.outgoing(name))[0].outbox_id for name in (*states, "coming")]
        for number, state in zip(numbers, states.values(), strict=False):
            await log.mark_sent(number, state=state, error="why" if state != "sent" else "")
    return numbers


@pytest.fixture
def numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    url = f"sqlite:///{tmp_path / 'home' / 'parley.db'}"
    schema.upgrade(url)
    return asyncio.run(fill(url))


def said(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["outbox", *arguments])
    if isinstance(done.exception, ParleyError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def states(*arguments: str) -> dict[str, str]:
    found = json.loads(said("list", "--format", "json", *arguments))
    return {each["conversation"]: each["state"] for each in found}


def test_what_waits_and_what_was_given_up_is_listed_with_the_reason(numbers: list[int]) -> None:
    assert states() == {"lost": "failed", "perhaps": "unknown", "coming": "waiting"}
    assert states("--state", "sent") == {"fine": "sent"}
    assert states("--channel", "callback") == {}
    assert states("--conversation", "lost") == {"lost": "failed"}
    text = said("list")
    assert "3 replies\n" in text
    assert f"{numbers[0]}  failed" in text
    assert "why" in text
    assert '"to lost"' in text
    assert "1 replies, or more" in said("list", "--limit", "1")


def test_what_was_given_up_is_sent_again_by_its_number(numbers: list[int]) -> None:
    assert "1 replies wait" in said("resend", str(numbers[0]))
    assert states()["lost"] == "waiting"
    assert states()["perhaps"] == "unknown"


def test_what_was_given_up_is_sent_again_by_its_state(numbers: list[int]) -> None:
    assert "2 replies wait" in said("resend", "--state", "failed", "--state", "unknown")
    assert set(states().values()) == {"waiting"}


async def test_what_fails_again_meanwhile_is_not_sent_again_for_ever(
    numbers: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refused(SqlLog):
        """Whose service refuses a reply at once."""

        async def send_again(self, outbox_ids: Sequence[int]) -> Sequence[int]:
            again = await super().send_again(outbox_ids)
            asked.extend(again)
            assert len(asked) <= 1
            for number in again:
                await self.mark_sent(number, state="failed")
            return again

    asked: list[int] = []
    monkeypatch.setattr("bot.store.sql.SqlLog", Refused)
    url = f"sqlite:///{tmp_path / 'home' / 'parley.db'}"
    assert await sent_again(url, (), states=["failed"], channel=None) == [numbers[0]]


async def test_what_may_have_arrived_begins_anew_with_what_is_in_doubt(
    numbers: list[int], tmp_path: Path
) -> None:
    async with open_log(f"sqlite:///{tmp_path / 'home' / 'parley.db'}") as log:
        await log.begin_sending(numbers[3], part=2)
        await log.mark_sent(numbers[3], state="unknown", part=1)
        await log.send_again([numbers[3]])
        assert [(each.part, each.begun_at) for each in await log.outgoing("coming")] == [(1, None)]


def test_what_was_sent_is_not_sent_again(numbers: list[int]) -> None:
    with pytest.raises(SettingsError, match=f"{numbers[2]}, 4711. 1 wait"):
        said("resend", str(numbers[0]), str(numbers[2]), "4711")
    assert states("--state", "sent") == {"fine": "sent"}


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ([], "either"),
        (["7", "--state", "failed"], "either"),
        (["--state", "sent"], "only failed and unknown"),
    ],
)
def test_what_cannot_be_sent_again_is_named(
    numbers: list[int], arguments: list[str], what: str
) -> None:
    with pytest.raises(SettingsError, match=what):
        said("resend", *arguments)
