"""What "now" is to a message, and that the log remembers it."""

from __future__ import annotations

from typing import Any

import pytest

from bot.actions.remote import RemoteActions
from bot.dialogue.domain import Domain
from bot.dialogue.events import UserUttered
from bot.dialogue.messages import Message
from bot.dialogue.moment import remembered, written_at
from bot.dialogue.tracker import Tracker
from bot.project.project import Config, NluData, Project
from bot.testing.services import memory_services
from bot.understand import understand
from nlu.grammar.component import GrammarFinder, Options
from nlu.parse import Parse
from nlu.pipeline import Nlu, Pipeline

AT = 1_795_165_200.5  # 2026-11-20T09:00:00.5Z, a Friday


async def said(text: str, received: float = AT, **metadata: Any) -> UserUttered:
    nlu = Nlu(Pipeline(False, False, finders=(GrammarFinder(Options()),)))
    parley = memory_services(
        Project(".", Domain(), NluData(), (), Config()), nlu, RemoteActions(None)
    )
    message = Message("anna", text, received=received, metadata=metadata)
    user, *_ = await understand(message, Tracker.start("anna", Domain()), parley)
    assert isinstance(user, UserUttered)
    return user


async def test_a_time_is_reckoned_from_when_the_message_came_in_and_that_is_recorded() -> None:
    user = await said("tomorrow")
    assert [e.value for e in user.entities] == ["2026-11-21T00:00:00.000+00:00"]
    assert user.metadata == {"reference_time": "2026-11-20T09:00:00.500000+00:00"}


async def test_read_again_with_what_was_recorded_it_means_the_same() -> None:
    first = await said("in 2 hours", timezone="Asia/Shanghai")
    again = await said("in 2 hours", received=AT + 1e6, **first.metadata)
    assert again.entities == first.entities
    assert again.metadata == first.metadata


async def test_where_no_time_was_meant_nothing_is_recorded() -> None:
    assert (await said("we are two", source="web")).metadata == {"source": "web"}


@pytest.mark.parametrize(
    ("told", "at"),
    [
        (AT, AT),
        (int(AT), int(AT)),
        ("2026-11-20T10:00:00.5+01:00", AT),
        ("2026-11-20T10:00:00", None),  # whose clock is that?
        ("yesterday", None),
        (True, None),
        (None, None),
        (float("nan"), None),
        (1e30, None),
        ([1], None),
    ],
)
def test_a_channel_may_tell_when_a_message_was_written(told: object, at: float | None) -> None:
    assert written_at({"reference_time": told}) == at


def test_the_year_one_is_told_without_harm() -> None:
    assert remembered(Parse("x"), -1e12) == {}
