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


class ActionServer(Protocol):
    """Runs a bot's own actions."""

    async def run(
        self, action: str, tracker: Tracker, domain: Domain, *, call_id: str
    ) -> ActionAnswer:
        """Run ``action``; ``call_id`` is the same when the same step of a turn is tried again.

        Raises ActionRejected when the action declines to run, ActionFailed for everything else.
        """
        ...
