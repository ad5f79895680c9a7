"""What a turn is handed: every part of a running Parley, opened once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from bot.dialogue.domain import Domain
from bot.dialogue.events import Event
from bot.dialogue.policy import Policy
from bot.dialogue.tracker import Tracker
from bot.store.base import Leases, Log, News, TrackerStore
from nlu.parse import Understanding


@dataclass(frozen=True, slots=True)
class ActionAnswer:
    """What an action server did: events for the log and responses to say, as it wrote them."""

    events: tuple[Event, ...]
    responses: tuple[Mapping[str, Any], ...]


class ActionServer(Protocol):
    """Runs a bot's own actions."""

    async def run(self, action: str, tracker: Tracker, domain: Domain, *, call_id: str) -> ActionAnswer:
        """Run ``action``; ``call_id`` is the same when the same step of a turn is tried again.

        Raises ActionRejected when the action declines to run, ActionFailed for everything else.
        """
        ...


@dataclass(frozen=True, slots=True)
class Bot:
    """What a project decides by: made from its files, the same for every conversation.

    ``assistant_id`` and ``model_id`` go into the metadata of every event.
    """

    domain: Domain
    policies: Sequence[Policy]
    assistant_id: str = ""
    model_id: str = ""


@dataclass(frozen=True, slots=True)
class Services:
    """Handed to every step of a turn; a test hands in others."""

    bot: Bot
    nlu: Understanding
    actions: ActionServer
    log: Log
    trackers: TrackerStore
    leases: Leases
    news: News
    clock: Callable[[], float]  # seconds since the epoch
    random: Random
