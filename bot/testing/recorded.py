"""What a step asked of others, answered from what the log has of it.

The log holds what became of an answer, not the answer: it is taken so that the engine, doing its
own part again, must come to the same events.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import msgspec

from bot.actions.base import ActionAnswer, Wanted
from bot.actions.extraction import VALIDATE
from bot.actions.fallback import NAME as TWO_STAGE
from bot.dialogue import forms
from bot.dialogue.domain import REQUESTED_SLOT, Domain, Form
from bot.dialogue.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActiveLoop,
    BotUttered,
    Event,
    SlotSet,
    UserUttered,
)
from bot.dialogue.responses import as_message, fitting, utterance
from bot.dialogue.slots import extract
from bot.dialogue.tracker import Tracker
from bot.errors import ActionFailed, ActionRejected

COLLECTOR = "collector"  # what Rasa's REST channel calls its output
STAMPED = ("assistant_id", "model_id", "policy_id", "project_id")  # by the turn, into metadata

Head = ActionExecuted | ActionExecutionRejected


def is_head(event: Event) -> bool:
    """Whether a prediction led to ``event``: what actions themselves log has no confidence."""
    return isinstance(event, ActionExecutionRejected) or (
        isinstance(event, ActionExecuted) and event.confidence is not None
    )


class Recorded:
    """The action server, and the server of wordings, as they were in the step at hand.

    ``worded`` tells that responses were worded elsewhere, and are taken as they were said; else
    the variation of the domain that was said is said again, filled anew.
    """

    def __init__(self, *, worded: bool = False) -> None:
        self._worded = worded
        self._step: Sequence[Event] = ()
        self._domain = Domain()
        self._said: list[BotUttered] = []

    def begin(self, step: Sequence[Event], domain: Domain) -> None:
        """From now on, answer as in ``step``, the events of a user's message or of an action."""
        self._step, self._domain = step, domain
        self._said = [event for event in step if isinstance(event, BotUttered)]

    async def run(
        self, action: str, tracker: Tracker, domain: Domain, *, call_id: str
    ) -> ActionAnswer:
        """What ``action`` did. Raises ActionFailed and ActionRejected where it came to that."""
        return ActionAnswer(tuple(self._answer(action, tracker, domain)), ())

    async def word(self, wanted: Wanted) -> dict[str, Any] | None:
        """The message that was said for the response."""
        said = self._next(wanted.name)
        if self._worded:
            return None if said is None else _message(said)
        drafts = _drafts(wanted, self._domain, said)
        wished = said and encoded(said)
        same = (each for each in drafts if encoded(utterance(each)) == wished)
        return next(same, drafts[0] if drafts else None)

    def _next(self, name: str) -> BotUttered | None:
        for at, event in enumerate(self._said):
            if event.metadata.get("utter_action") == name:
                del self._said[: at + 1]
                return event
        return None

    def _answer(self, action: str, tracker: Tracker, domain: Domain) -> Sequence[Event]:
        at = next((at for at, event in enumerate(self._step) if is_head(event)), None)
        if at is None:
            return _filled(action, tracker, domain, self._step[1:])
        head, after = self._step[at], self._step[at + 1 :]
        assert isinstance(head, Head)
        if error := head.metadata.get("error"):
            raise ActionFailed(str(error))
        if isinstance(head, ActionExecutionRejected):
            if head.confidence is not None:
                raise ActionRejected(f"{action!r} declined to run.")
            after = self._step  # the action says itself that it did not run
        if head.name in domain.forms and head.name not in domain.actions:
            return _in_form(action, domain.forms[head.name], tracker, domain, after)
        if head.name == TWO_STAGE:
            return _without_loops(after)
        return _done(after)


def _filled(
    action: str, tracker: Tracker, domain: Domain, slots: Sequence[Event]
) -> Sequence[Event]:
    """What ``action`` gave while slots were filled, of all that was then set and said."""
    if action == VALIDATE:
        return slots
    if VALIDATE in domain.actions:  # which has the last word on all of them
        return ()
    found = list(extract(tracker, domain))
    at, asked = 0, set[str]()
    for number, item in enumerate(found):
        if isinstance(item, SlotSet):
            at += at < len(slots) and encoded(slots[at]) == encoded(item)
        elif item.action not in asked:
            asked.add(item.action)
            own = next(
                (encoded(one) for one in found[number + 1 :] if isinstance(one, SlotSet)), b""
            )
            begin = at
            while at < len(slots) and encoded(slots[at]) != own:
                at += 1
            if item.action == action:
                return slots[begin:at]
    return ()


def _in_form(
    action: str, form: Form, tracker: Tracker, domain: Domain, after: Sequence[Event]
) -> Sequence[Event]:
    """What ``action`` gave to a run of ``form``, of all that came of the run."""
    if after and isinstance(after[0], ActiveLoop) and after[0].name == form.name:
        after = after[1:]
    asked = next((at for at, event in enumerate(after) if _asks(event)), len(after))
    before, question = after[:asked], after[asked : asked + 1]
    slot = question[0].value if question and isinstance(question[0], SlotSet) else None
    if action == forms.validator(form):
        chosen = not forms.is_done(before) and slot != forms.next_slot(
            form, tracker.apply_all(before)
        )
        return [*before, *question] if chosen else before
    if slot is not None and action == forms.question(form, slot, domain):
        return after[asked + 1 :]
    if action == VALIDATE and forms.validator(form) not in domain.actions:
        return before
    return ()


def _asks(event: Event) -> bool:
    return isinstance(event, SlotSet) and event.name == REQUESTED_SLOT


def _without_loops(events: Sequence[Event]) -> Sequence[Event]:
    begun = takewhile(lambda event: isinstance(event, ActiveLoop), events)
    return events[len(list(begun)) :]


def _done(after: Sequence[Event]) -> Sequence[Event]:
    """What an action did; slots are filled anew from what it let the user say."""
    if not any(isinstance(event, UserUttered) for event in after):
        return after
    last = len(after)
    while isinstance(after[last - 1], SlotSet | BotUttered):
        last -= 1
    return after[:last]


def _drafts(wanted: Wanted, domain: Domain, said: BotUttered | None) -> list[dict[str, Any]]:
    """Every message that the domain could say for the response, wherever it was said."""
    told = said.metadata.get("channel") if said else None
    slots, variations = wanted.tracker.slots, domain.responses.get(wanted.name, ())
    fit = [
        each
        for channel in dict.fromkeys((told, wanted.channel, COLLECTOR))
        for each in fitting(variations, slots, channel or "")
    ]
    return [as_message(wanted.name, each, {**slots, **wanted.arguments}) for each in fit]


def _message(said: BotUttered) -> dict[str, Any]:
    asides = {key: value for key, value in said.metadata.items() if key not in STAMPED}
    return {"text": said.text, **said.data, **asides}


def encoded(event: Event) -> bytes:
    """``event`` as it is logged, without when it happened and by whose model."""
    metadata = {key: value for key, value in event.metadata.items() if key not in STAMPED}
    return msgspec.json.encode(msgspec.structs.replace(event, timestamp=None, metadata=metadata))
