"""Everything dies in its turn, and every promise about delivery holds.

``make chaos`` does the same for half an hour. A run that fails prints its seed:
``python -m tests.live.chaos --seed SEED`` begins with the same faults and messages.
"""

from __future__ import annotations

import ast
import os
import secrets
from pathlib import Path

import pytest

from bot.dialogue.events import BotUttered, ConversationPaused, ConversationResumed, UserUttered
from bot.store import schema
from bot.store.base import History
from tests.command import CHECKOUT
from tests.live.chaos.chaos import Plan, run
from tests.live.chaos.points import AWAITS, POINTS
from tests.live.chaos.verdict import Talk
from tests.servers import Postgres, Valkey

STORES = ("log", "trackers", "news", "sender")  # what inbox, turn and reply call by these names


@pytest.mark.services
@pytest.mark.timeout(900)
async def test_nothing_is_lost_nothing_comes_twice_whatever_dies(
    tmp_path: Path, own_postgres: Postgres, own_valkey: Valkey
) -> None:
    seed = int(os.environ.get("CHAOS_SEED", secrets.randbelow(10**6)))
    url = own_postgres.url("postgres")
    schema.upgrade(url)
    plan = Plan(seed, conversations=100, messages=6, round_s=40)
    outcome = await run(plan, tmp_path, valkey=own_valkey, database=own_postgres, database_url=url)
    assert outcome.verdict.counts["messages"] == 600
    assert outcome.faults.total() >= 2
    assert not outcome.verdict.wrong, f"CHAOS_SEED={seed}\n{outcome}"


@pytest.mark.services
@pytest.mark.timeout(600)
async def test_servers_that_are_ended_and_started_one_by_one_lose_and_double_nothing(
    tmp_path: Path, own_postgres: Postgres, own_valkey: Valkey
) -> None:
    url = own_postgres.url("postgres")
    schema.upgrade(url)
    plan = Plan(
        *(7, 30, 4, 10),
        takeovers=0,
        kinds=("server ended",),
        crashes=False,
        is_calm=True,
    )
    outcome = await run(plan, tmp_path, valkey=own_valkey, database=own_postgres, database_url=url)
    counts = outcome.verdict.counts
    assert not outcome.verdict.wrong, str(outcome)
    assert outcome.faults["server ended"] >= 2
    assert counts["replies sent"] + counts["replies unknown"] == 80


@pytest.mark.parametrize("module", ["inbox", "turn", "reply", "apology"])
def test_everything_that_is_waited_for_is_a_crash_point(module: str) -> None:
    tree = ast.parse((CHECKOUT / f"bot/{module}.py").read_text())
    methods = {method for _, method in AWAITS.values()}
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Await(
                value=ast.Call(
                    func=ast.Attribute(
                        value=ast.Attribute(attr=owner) | ast.Name(id=owner), attr=method
                    )
                )
            ) if owner.rstrip("_") in STORES:
                found.add(method)
    assert found <= methods, f"{found - methods}: add them to tests/live/chaos/points.py"
    assert found
    assert len(POINTS) == 2 * len(AWAITS)


def test_a_verdict_sees_what_was_recorded_twice_and_what_a_person_was_to_answer() -> None:
    said = [
        *(UserUttered(text='/say{"n": "a"}'), BotUttered(text="done a"), ConversationPaused()),
        *(UserUttered(text='/say{"n": "b"}'), ConversationResumed()),
        *(UserUttered(text='/say{"n": "a"}'), BotUttered(text="done a")),
    ]
    talk = Talk.of(History(tuple(said), len(said), 1))
    assert (talk.twice, talk.silent, talk.before) == (["a"], {"b"}, {"a"})
