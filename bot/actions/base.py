"""What an action server is asked and answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bot.dialogue.domain import Domain
from bot.dialogue.events import Event
from bot.dialogue.tracker import Tracker


@dataclass(frozen=True, slots=True)
class ActionAnswer:
    """What an action server did: events for the log and responses to say, as it wrote them."""

    events: tuple[Event, ...]
    responses: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A response that is to be worded elsewhere.

    ``variation_id`` is the id of the variation that the domain would say, if it has one;
    ``arguments`` what an action gave along with the response's name.
    """

    name: str
    variation_id: str | None
    arguments: Mapping[str, Any]
    tracker: Tracker
    channel: str


class ResponseServer(Protocol):
    """Words the bot's responses in place of the domain."""

    async def word(self, wanted: Wanted) -> dict[str, Any] | None:
        """The message to say, checked; None when there is none or it cannot be had."""
        ...


class ActionServer(Protocol):
    """Runs a bot's own actions."""

    async def run(
        self, action: str, tracker: Tracker, domain: Domain, *, call_id: str
    ) -> ActionAnswer:
        """Run ``action``; ``call_id`` is the same when the same step of a turn is tried again.

        Raises ActionRejected when the action declines to run, ActionFailed for everything else.
        """
        ...
