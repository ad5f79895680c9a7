"""What a turn is handed: every part of a running Parley, opened once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from bot.actions.base import ActionAnswer as ActionAnswer
from bot.actions.base import ActionServer as ActionServer
from bot.actions.base import ResponseServer as ResponseServer
from bot.dialogue.domain import Domain
from bot.dialogue.policy import Policy
from bot.dialogue.tracker import Tracker
from bot.store.base import Leases, Log, News, TrackerStore
from nlu.parse import Understanding
from nlu.sentences import Sentences


class Ranking(Protocol):
    """Ranks responses for a policy that cannot wait for it."""

    async def know(self, tracker: Tracker) -> None:
        """Have the answers to ``tracker`` at hand."""
        ...


@dataclass(frozen=True, slots=True)
class Bot:
    """What a project decides by: made from its files, the same for every conversation.

    ``assistant_id`` and ``model_id`` go into the metadata of every event, ``policy_id`` (the
    version of the policy model) and ``project_id`` (a hash of the project) into that of the user's.
    ``sentences`` are there where a policy reads what users wrote; it must know the texts before.
    So is ``ranking``.
    """

    domain: Domain
    policies: Sequence[Policy]
    assistant_id: str = ""
    model_id: str = ""
    policy_id: str = ""
    project_id: str = ""
    sentences: Sentences | None = None
    ranking: Ranking | None = None


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
    wording: ResponseServer | None = None  # None: responses are the domain's own
    most_actions: int = 10  # in one turn
    most_events: int = 1000  # of one action; 0: any number
    most_buttons: int = 100  # of one reply; 0: any number
