"""Retention as a server does it, beside everything else."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from bot.audit import NoAudit
from bot.errors import SettingsError
from bot.privacy import retention
from bot.privacy.retention import LEASE, keep_to
from bot.settings import load_settings
from bot.store.memory import MemoryLeases
from bot.store.retention import Gone


class Walked:
    """Counts its steps; the first ones may break."""

    def __init__(self, breaks: int = 0) -> None:
        self.steps, self.breaks = 0, breaks
        self.enough = asyncio.Event()

    async def step(self, after: str = "") -> Gone:
        self.steps += 1
        if self.steps <= self.breaks:
            raise RuntimeError("the database is away")
        self.enough.set()
        return Gone(0, 0, "")


async def test_a_server_goes_on_after_the_database_was_away(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "EVERY_S", 0)
    walked = Walked(breaks=3)
    with capture_logs() as logs:
        task = asyncio.create_task(keep_to(walked, MemoryLeases(), NoAudit()))  # type: ignore[arg-type]
        await walked.enough.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert [line["event"] for line in logs] == ["retention.failing"], "an outage is told once"


async def test_one_server_at_a_time_does_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "EVERY_S", 0)
    leases, walked = MemoryLeases(), Walked()
    async with leases.hold(LEASE):
        task = asyncio.create_task(keep_to(walked, leases, NoAudit()))  # type: ignore[arg-type]
        for _ in range(20):
            await asyncio.sleep(0)
        assert walked.steps == 0
    await walked.enough.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("given", ['{"web": 0.5}', '{"web": -1}', '{"web": "long"}', "30"])
def test_a_retention_that_is_none_is_said_so(monkeypatch: pytest.MonkeyPatch, given: str):
    monkeypatch.setenv("PARLEY_RETENTION", given)
    with pytest.raises(SettingsError, match="PARLEY_RETENTION"):
        load_settings()


def test_days_are_given_by_channel(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PARLEY_RETENTION", '{"web": 30, "default": 365}')
    assert load_settings().retention == {"web": 30.0, "default": 365.0}
