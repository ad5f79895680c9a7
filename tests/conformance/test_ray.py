"""Logs read on a Ray cluster of this machine."""

from __future__ import annotations

import json
import secrets
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.dialogue.events import BotUttered, UserUttered
from bot.privacy.kinds import KINDS
from bot.review.scrubbing import Rules
from bot.review.turn import Turn
from bot.store.shelf import open_shelf
from bot.store.sql import open_log
from training.logs.databases import pages
from training.logs.engine import Engine, Read, read_parts
from training.logs.files import LogFile
from training.logs.reading import Part
from training.logs.rows import Fields

RULES = Rules(tuple(KINDS), {}, b"secret")
pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))  # else Ray leaves one in ~/.ray
        warnings.simplefilter("ignore")
        import ray

        ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
        yield
        ray.shutdown()


def read(parts: list[Part], folder: Path, engine: Engine) -> tuple[Read, dict[object, Turn]]:
    with open_shelf(folder / f"{engine}.db") as shelf:
        total = read_parts(parts, shelf, engine=engine)
        return total, {turn.key: turn for _, turn in shelf.turns()}


async def test_a_cluster_gives_the_same_turns_as_one_process(
    cluster: None, sqlite_url: str, tmp_path: Path
):
    rows = [
        {"conversation_id": f"c{n % 7}", "text": f"I am ann{n}@example.com", "speaker": who}
        for n, who in enumerate(["user", "bot"] * 40)
    ]
    path = tmp_path / "chats.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "bad\n")
    async with open_log(sqlite_url, clock=lambda: 1.0) as log:
        for name in ("ann", "bob"):
            said = [UserUttered(text=f"{name} says hi"), BotUttered(text="Hello")]
            await log.commit(name, said, seq=0, epoch=0)
    with open_shelf(tmp_path / "none.db") as shelf:
        found = list(pages(sqlite_url, "parley", shelf, RULES, origin="log", now=1e9))
    whole: list[Part] = [LogFile(path, "jsonl", "chats", RULES), *found]
    shares: list[Part] = [
        *(LogFile(path, "jsonl", "chats", RULES, Fields(), n, 3) for n in range(3)),
        *found,
    ]
    assert read(shares, tmp_path, "ray") == read(whole, tmp_path, "local")
