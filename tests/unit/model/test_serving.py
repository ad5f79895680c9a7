"""Another model takes the place of the one that serves."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from bot.errors import ParleyError
from bot.model.serving import Loaded, NotLoaded, Serving


class Models:
    """Opens models, and remembers which are open."""

    def __init__(self) -> None:
        self.open: list[str] = []
        self.wait = asyncio.Event()
        self.wait.set()

    @asynccontextmanager
    async def __call__(self, name: str):
        await self.wait.wait()
        if name == "broken":
            raise ParleyError("broken")
        self.open.append(name)
        try:
            yield Loaded(None, name, None, name)  # type: ignore[arg-type]
        finally:
            self.open.remove(name)


@pytest.fixture
def models() -> Models:
    return Models()


async def settle() -> None:
    """Let every task that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_model_in_use_stays_open_until_it_is_used_no_more(models: Models):
    async with Serving() as serving:
        await serving.load(models("first"))
        with serving.use() as used:
            await serving.load(models("second"))
            await settle()
            assert used.file == "first"
            assert serving.loaded.file == "second"
            assert models.open == ["first", "second"]
        await settle()
        assert models.open == ["second"]
    assert models.open == []


async def test_what_cannot_be_opened_changes_nothing(models: Models):
    async with Serving() as serving:
        await serving.load(models("first"))
        with pytest.raises(ParleyError, match="broken"):
            await serving.load(models("broken"))
        assert serving.loaded.file == "first"
        assert models.open == ["first"]


async def test_while_a_model_opens_the_one_before_serves(models: Models):
    async with Serving() as serving:
        await serving.load(models("first"))
        models.wait.clear()
        loading = asyncio.create_task(serving.load(models("second")))
        await settle()
        with serving.use() as used:
            assert used.file == "first"
        models.wait.set()
        await loading
        with serving.use() as used:
            assert used.file == "second"


async def test_without_a_model_nothing_can_be_used_but_what_was_shared_stays(models: Models):
    async with Serving() as serving:
        with pytest.raises(NotLoaded):
            _ = serving.parley
        await serving.load(models("first"))
        await serving.unload()
        await settle()
        assert models.open == []
        assert serving.loaded is None
        assert serving.parley == "first"
        with pytest.raises(NotLoaded), serving.use():
            pass


async def test_models_that_are_loaded_at_once_are_loaded_one_after_the_other(models: Models):
    async with Serving() as serving:
        names = [f"m{n}" for n in range(5)]
        await asyncio.gather(*(serving.load(models(name)) for name in names))
        await settle()
        assert models.open == [serving.loaded.file]


async def test_the_end_closes_what_is_still_used(models: Models):
    async with Serving() as serving:
        await serving.load(models("first"))
        used = serving.use()
        used.__enter__()
    assert models.open == []


async def test_a_model_on_trial_takes_the_turns_of_its_conversations_alone(models: Models):
    async with Serving() as serving:
        await serving.load(models("first"))
        await serving.try_out(models("second"), answers="ann".__eq__)
        for conversation, file in (("ann", "second"), ("bob", "first"), (None, "first")):
            with serving.use(conversation) as used:
                assert used.file == file
        assert serving.loaded.file == "first"


async def test_a_trial_ends_when_nobody_uses_its_model_any_more(models: Models):
    async with Serving() as serving:
        await serving.load(models("first"))
        await serving.try_out(models("second"), answers="ann".__eq__)
        with serving.use("ann"):
            await serving.end_trial()
            await settle()
            assert models.open == ["first", "second"]
            with serving.use("ann") as used:
                assert used.file == "first"
        await settle()
        assert models.open == ["first"]
        with serving.tried() as tried:
            assert tried is None


async def test_a_trial_that_cannot_be_opened_leaves_the_one_before(models: Models):
    async with Serving() as serving:
        await serving.load(models("first"))
        await serving.try_out(models("second"), answers="ann".__eq__)
        with pytest.raises(ParleyError):
            await serving.try_out(models("broken"), answers="bob".__eq__)
        with serving.tried() as tried:
            assert tried.file == "second"
    assert models.open == []
