"""A version is tried beside the current one, counted, and ended when it is worse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from bot.audit import Deed
from bot.dialogue.events import ActionExecuted, UserUttered
from bot.model.following import Following
from bot.model.rollout import MOST_WAITING, Rollouts
from bot.model.serving import Loaded, Serving
from bot.stopwatch import Stopwatch
from bot.store.database import Database
from bot.store.tallies import SqlTally
from bot.turn import Done
from nlu.errors import NluError
from nlu.parse import Intent, Parse
from nlu.rollout import Rollout


class Models:
    """A registry, and what opens its versions."""

    def __init__(self) -> None:
        self.current_version: str | None = "v1"
        self.tried: Rollout | None = None
        self.opened: list[str] = []

    def current(self) -> str | None:
        return self.current_version

    def rollout(self) -> Rollout | None:
        return self.tried

    def end_rollout(self) -> None:
        self.tried = None

    @asynccontextmanager
    async def open(self, name: str) -> AsyncIterator[Loaded]:
        self.opened.append(name)
        if name == "damaged":
            raise NluError("damaged")
        yield Loaded(None, None, Reader(), name)  # type: ignore[arg-type]


class Reader:
    """Reads every text as a greeting."""

    async def parse(self, text: str) -> Parse:
        if text == "broken":
            raise NluError("broken")
        return Parse(text, Intent("greet", 1.0))


class Book:
    """An audit log."""

    def __init__(self) -> None:
        self.deeds: list[Deed] = []

    async def record(self, deed: Deed) -> int:
        self.deeds.append(deed)
        return len(self.deeds)


def turn(text: str = "hello", intent: str = "greet", *actions: str) -> Done:
    said = UserUttered(text=text, parse_data=Parse(text, Intent(intent, 1.0)))
    events = (said, *(ActionExecuted(name=name) for name in actions))
    return Done(None, events, (), len(actions), Stopwatch())  # type: ignore[arg-type]


@pytest.fixture
async def trial(sqlite_url: str) -> AsyncIterator[SimpleNamespace]:
    """A server with the version v1, its registry, and what it counts."""
    models, book, database = Models(), Book(), Database(sqlite_url)
    tally = SqlTally(database)
    async with Serving() as serving:
        await serving.load(models.open(""))
        following = Following(serving, models, models.open)  # type: ignore[arg-type]
        rollouts = Rollouts(serving, models, following, tally, book)  # type: ignore[arg-type]
        yield SimpleNamespace(
            models=models,
            serving=serving,
            following=following,
            rollouts=rollouts,
            tally=tally,
            book=book,
        )
    await database.close()


async def begin(trial: SimpleNamespace, *, share: float) -> Rollout:
    trial.models.tried = Rollout("v2", share, 1.0)
    await trial.following.look()
    found: Rollout = trial.models.tried
    return found


async def shadowed(trial: SimpleNamespace) -> None:
    """Let the shadow read what waits."""
    reading = asyncio.create_task(trial.rollouts.read())
    for _ in range(10 * MOST_WAITING):
        await asyncio.sleep(0)
    reading.cancel()


async def test_what_is_promoted_serves(trial):
    trial.models.current_version = "v2"
    await trial.following.look()
    await trial.following.look()
    assert trial.models.opened == ["", ""]  # at the start, and once since


async def test_a_version_that_cannot_be_opened_is_tried_once_and_what_served_goes_on(trial):
    trial.models.tried = Rollout("damaged", 0.5, 1.0)
    with pytest.raises(NluError):
        await trial.following.look()
    assert trial.following.rollout is None
    with trial.serving.use("ann") as loaded:
        assert loaded.file == ""


async def test_a_share_of_the_conversations_is_answered_and_each_keeps_to_its_model(trial):
    rollout = await begin(trial, share=0.25)
    names = [f"user {number}" for number in range(400)]
    mine = [name for name in names if rollout.answers(name)]
    assert 60 < len(mine) < 140
    for name in names[:20]:
        with trial.serving.use(name) as loaded:
            assert (loaded.file == "v2") == (name in mine)


async def test_in_the_shadow_a_version_reads_and_answers_nobody(trial):
    rollout = await begin(trial, share=0)
    with trial.serving.use("ann") as loaded:
        assert loaded.file == ""
    for text, intent in (("hello", "greet"), ("bye", "bye"), ("broken", "greet"), ("/greet", "x")):
        trial.rollouts.saw("ann", turn(text, intent), "done")
    await shadowed(trial)
    await trial.rollouts.judge()
    told = await trial.tally.of(rollout.name)
    assert told == {"shadow same": 1, "shadow other": 1, "shadow failed": 1}


async def test_the_shadow_never_makes_more_work_than_it_can_do(trial):
    rollout = await begin(trial, share=0)
    for _ in range(MOST_WAITING + 5):
        trial.rollouts.saw("ann", turn(), "done")
    await trial.rollouts.judge()
    assert await trial.tally.of(rollout.name) == {"shadow dropped": 5}


async def test_what_another_trial_left_to_be_read_counts_for_none(trial):
    await begin(trial, share=0)
    trial.rollouts.saw("ann", turn("bye", "bye"), "done")
    trial.models.tried = Rollout("v3", 0, 2.0)
    await trial.following.look()
    trial.rollouts.saw("ann", turn(), "done")
    await shadowed(trial)
    await trial.rollouts.judge()
    assert await trial.tally.of(trial.models.tried.name) == {"shadow same": 1}


async def test_a_trial_that_begins_while_counts_are_stored_begins_at_nothing(trial, monkeypatch):
    await begin(trial, share=0)
    for _ in range(MOST_WAITING + 2):
        trial.rollouts.saw("ann", turn(), "done")
    stored = trial.tally.add

    async def slowly(name: str, counts: dict[str, int]) -> None:
        await stored(name, counts)
        trial.models.tried = Rollout("v3", 0, 2.0)
        await trial.following.look()
        trial.rollouts.saw("ann", turn(), "done")

    monkeypatch.setattr(trial.tally, "add", slowly)
    await trial.rollouts.judge()
    monkeypatch.undo()
    await trial.rollouts.judge()
    assert await trial.tally.of(trial.models.tried.name) == {}


async def test_a_conversation_counts_once_however_often_it_goes_wrong(trial):
    rollout = await begin(trial, share=1)
    for _ in range(3):
        trial.rollouts.saw("ann", turn("hm", "nlu_fallback"), "done")
        trial.rollouts.saw("bob", turn(), "done")
    trial.rollouts.saw("cid", turn("hello", "greet", "action_default_fallback"), "done")
    trial.rollouts.saw("dan", turn(), "given_up")
    for _ in range(2):
        await trial.rollouts.judge()
    told = await trial.tally.of(rollout.name)
    assert told == {"candidate conversations": 4, "candidate bad": 3}


async def test_a_version_that_is_worse_is_tried_no_longer_and_that_is_recorded(trial):
    rollout = await begin(trial, share=0.5)
    for number in range(200):
        name = f"user {number}"
        intent = "nlu_fallback" if rollout.answers(name) else "greet"
        trial.rollouts.saw(name, turn("hm", intent), "done")
    await trial.rollouts.judge()
    assert trial.models.tried is None
    assert [deed.action for deed in trial.book.deeds] == ["models.rollout.end"]
    assert (await trial.tally.of(rollout.name))["ended as worse"] == 1
    await trial.following.look()
    assert trial.following.rollout is None


async def test_a_version_that_is_as_good_goes_on(trial):
    await begin(trial, share=0.5)
    for number in range(200):
        trial.rollouts.saw(f"user {number}", turn(), "done")
    await trial.rollouts.judge()
    assert trial.models.tried is not None
    assert trial.book.deeds == []


async def test_what_two_servers_count_adds_up(trial):
    await asyncio.gather(*(trial.tally.add("v2 1", {"a": 1, "b": 2}) for _ in range(5)))
    assert await trial.tally.of("v2 1") == {"a": 5, "b": 10}
    assert await trial.tally.of("another") == {}
