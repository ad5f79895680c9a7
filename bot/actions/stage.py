"""What actions work with: the domain's responses, the action server, the channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from bot.actions.base import ActionServer, ResponseServer, Wanted
from bot.dialogue.domain import Domain
from bot.dialogue.events import BotUttered, Event
from bot.dialogue.responses import DATA_KEYS, fitting, say, utterance
from bot.dialogue.tracker import Tracker


@dataclass(frozen=True, slots=True)
class Stage:
    """Where an action happens. ``call_id`` names the step of the turn, for the action server."""

    domain: Domain
    server: ActionServer
    random: Random
    channel: str
    call_id: str
    wording: ResponseServer | None = None  # None: the domain's own

    async def say(self, name: str, tracker: Tracker) -> list[Event]:
        """Response ``name`` as an event; nothing when there is no such response."""
        message = await self._message(name, tracker, {})
        return [utterance(message)] if message else []

    async def ask(self, action: str, tracker: Tracker) -> list[Event]:
        """What the action server did: its responses said, then its events."""
        call_id = f"{self.call_id}:{action}"
        answer = await self.server.run(action, tracker, self.domain, call_id=call_id)
        said = [await self._rendered(response, tracker) for response in answer.responses]
        return [*(event for event in said if event is not None), *answer.events]

    def lists(self, action: str) -> bool:
        """Whether the domain lists ``action``, so that the action server has it."""
        return action in self.domain.actions

    async def _rendered(self, response: Mapping[str, Any], tracker: Tracker) -> BotUttered | None:
        """A named response with the action's own values over it; None for an unknown name."""
        values = dict(response)
        name = values.pop("response", None) or values.get("template")
        draft: dict[str, Any] = {}
        if name:
            found = await self._message(name, tracker, values)
            if found is None:
                return None
            draft = found
        buttons = values.pop("buttons", None) or []
        if buttons:
            draft["buttons"] = [*draft.get("buttons", ()), *buttons]
        draft |= {key: value for key, value in values.items() if value}
        return utterance(draft)

    async def _message(
        self, name: str, tracker: Tracker, values: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        if self.wording is not None:
            variations = self.domain.responses.get(name, ())
            ids = [each.id for each in fitting(variations, tracker.slots, self.channel)]
            wanted = Wanted(name, ids[0] if ids else None, values, tracker, self.channel)
            message = await self.wording.word(wanted)
            return message if message is None else {**message, "utter_action": name}
        own = {key: value for key, value in values.items() if key not in ("text", *DATA_KEYS)}
        return say(
            name,
            self.domain.responses,
            {**tracker.slots, **own},
            slots=tracker.slots,
            channel=self.channel,
            random=self.random,
        )
