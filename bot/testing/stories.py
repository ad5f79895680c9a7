"""Test stories run as Rasa runs them: every step is predicted, then the story's own is taken.

No action runs. What a story tells of slots and loops is taken as having happened, so that a
project's tests pass without its action server, and one mistake does not spoil what follows. Only
restarting, going back and the fallback, whose effects no story can tell, have them.
"""

from __future__ import annotations

import msgspec

from bot.dialogue.context import context_of
from bot.dialogue.events import (
    ActionExecuted,
    ActionExecutionRejected,
    Event,
    Restarted,
    SlotSet,
    UserFeaturization,
    UserUtteranceReverted,
    UserUttered,
)
from bot.dialogue.paths import slots_of
from bot.dialogue.policy import Prediction
from bot.dialogue.responses import is_retrieval, retrieved
from bot.dialogue.states import LISTEN
from bot.dialogue.tracker import SESSION_START, Tracker
from bot.predict import predict
from bot.project.story_yaml import WrittenStep, story_steps
from bot.services import Services
from bot.testing.events import opening_events, told_events, told_parse
from bot.testing.outcome import Draft, Outcome
from bot.testing.told import Expected, Said, Transcript
from nlu.parse import Parse

UNLIKELY = "action_unlikely_intent"  # a remark of a policy on the message, not a mistake
# What these do is known without running them, and nothing a story could tell. Rasa leaves it out,
# so that a story in which one of them occurs fails at the next listening.
DO: dict[str, tuple[Event, ...]] = {
    "action_back": (UserUtteranceReverted(), UserUtteranceReverted()),
    "action_default_fallback": (UserUtteranceReverted(),),
    "action_restart": (Restarted(),),
}


async def run_story(
    transcript: Transcript, services: Services, *, end_to_end: bool = True
) -> Outcome:
    """Predict every step of ``transcript``.

    Args:
        end_to_end: Whether NLU reads the messages; else they mean what the story says they do.
    """
    run = _Run(transcript, services, end_to_end)
    for said in transcript.turns:
        await run.say(said)
        for expected in said.expected:
            run.go_on(expected)
        run.act(LISTEN, said.expected[-1].place if said.expected else said.place)
    return run.draft.finished()


class _Run:
    """A story as it is being played."""

    def __init__(self, transcript: Transcript, services: Services, end_to_end: bool) -> None:
        self._services, self._end_to_end = services, end_to_end
        self._domain = services.bot.domain
        opening = opening_events(transcript.opening, self._domain)
        self._tracker = Tracker.start(transcript.name, self._domain).apply_all(opening)
        self.draft = Draft(transcript.name, transcript.place, story_steps(opening))

    async def say(self, said: Said) -> None:
        """The user says what the story says; that it is understood otherwise is noted."""
        told = told_parse(said, self._domain)
        if self._end_to_end and not said.is_payload:
            found = await self._understood(said.text)
            comment = self.draft.understand(said, found)
            parse = told if said.intent is not None else found
        else:
            comment = self.draft.understand(said, told) if self._end_to_end else ""
            parse = told
        user = UserUttered(text=said.text, parse_data=parse)
        self._happen(user, *slots_of(user, self._domain))
        steps = story_steps([user], with_text=not said.is_payload)
        self.draft.steps += [WrittenStep(step.keys, comment) for step in steps]

    def go_on(self, expected: Expected) -> None:
        """The next step of the story."""
        match expected.kind:
            case "action":
                self.act(expected.value, expected.place)
            case "bot" if expected.value in self._domain.e2e_actions:
                self.act(expected.value, expected.place)
            case _:
                events = list(told_events(expected, self._domain))
                self._happen(*events)
                self.draft.steps += story_steps(events)

    def act(self, expected: str, place: str) -> None:
        """``expected`` is due: is it predicted?"""
        prediction = self._predicted(expected)
        if prediction.action == UNLIKELY != expected:
            self.draft.warnings.append(f"{place}: {UNLIKELY} before {expected}")
            self._happen(*prediction.events, ActionExecuted(name=UNLIKELY))
            prediction = self._predicted(expected)
        predicted = self._full(prediction.action) if "/" in expected else prediction.action
        if predicted == SESSION_START and expected == LISTEN:  # which is how a restart ends
            self.draft.act(LISTEN, LISTEN, place, silent=True)
            self._happen(*opening_events((), self._domain))
            return
        self.draft.act(expected, predicted, place, silent=expected == LISTEN)
        self._do(expected, prediction, right=expected == predicted)

    def _predicted(self, expected: str) -> Prediction:
        prediction = predict(self._tracker, self._services)
        loop = self._tracker.active_loop
        if expected != prediction.action == (loop and loop.name) and loop and not loop.rejected:
            # Whether a form takes the message is known only when it runs; the story says no.
            rejection = ActionExecutionRejected(name=loop.name)
            self._happen(*prediction.events, rejection)
            prediction = predict(self._tracker, self._services)
        return prediction

    def _full(self, action: str) -> str:
        """A retrieval action as the response that was picked for it: ``utter_faq/ask_hours``."""
        message = self._tracker.latest_message
        if message is None or message.parse_data is None:
            return action
        if not is_retrieval(action, self._domain.responses):
            return action
        return retrieved(action, message.parse_data.response_selector) or action

    def _do(self, expected: str, prediction: Prediction, *, right: bool) -> None:
        if right:
            done = ActionExecuted(name=prediction.action, hide_rule_turn=prediction.hide_rule_turn)
            self._happen(*prediction.events, done, *self._effects(expected))
            return
        # What was decided did not happen either.
        kept = [event for event in prediction.events if isinstance(event, UserFeaturization)]
        self._happen(*kept, ActionExecuted(name=self._acted(expected)))

    def _effects(self, action: str) -> tuple[Event, ...]:
        """What ``action`` does of itself, unless the project has its own."""
        return () if action in self._domain.actions else DO.get(action, ())

    def _acted(self, expected: str) -> str:
        """The name under which an action is logged: that of a retrieval action, not its answer."""
        base = expected.partition("/")[0]
        return base if is_retrieval(base, self._domain.responses) else expected

    async def _understood(self, text: str) -> Parse:
        return await self._services.nlu.parse(text, context_of(self._tracker))

    def _happen(self, *events: Event) -> None:
        now = self._services.clock()
        for event in events:
            if isinstance(event, SlotSet) and event.name not in self._domain.slots:
                continue
            self._tracker = self._tracker.apply(msgspec.structs.replace(event, timestamp=now))
