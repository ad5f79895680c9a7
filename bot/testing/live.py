"""The outcome of a conversation that was really held, actions and all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.dialogue.domain import Domain
from bot.dialogue.events import Event, UserUttered
from bot.dialogue.states import LISTEN
from bot.project.story_yaml import WrittenStep, story_steps
from bot.services import Services
from bot.testing.events import opening_events, told_events, told_parse
from bot.testing.outcome import Draft, Outcome
from bot.testing.told import Expected, Said, Transcript
from bot.testing.transcripts import Difference, TranscriptResult, done_actions, run_transcript
from nlu.parse import Parse


async def hold(transcript: Transcript, services: Services) -> Outcome:
    """Hold the conversation with everything running, the action server included."""
    result = await run_transcript(transcript, services)
    return _outcome(result, services.bot.domain)


def _outcome(result: TranscriptResult, domain: Domain) -> Outcome:
    transcript = result.transcript
    opening = opening_events(transcript.opening, domain)
    draft = Draft(transcript.name, transcript.place, story_steps(opening))
    for said, events in zip(transcript.turns, result.turns, strict=True):
        draft.steps.append(_said(said, events, draft, domain))
        _did(said, events, draft, result.differences, domain)
    return draft.finished()


def _said(said: Said, events: Sequence[Event], draft: Draft, domain: Domain) -> WrittenStep:
    user = next(event for event in events if isinstance(event, UserUttered))
    meant = told_parse(said, domain)
    found = meant if said.is_payload else user.parse_data or Parse(said.text)
    comment = draft.understand(said, found)
    told = UserUttered(text=said.text, parse_data=meant)
    [step] = story_steps([told], with_text=not said.is_payload)
    return WrittenStep(step.keys, comment)


def _did(
    said: Said,
    events: Sequence[Event],
    draft: Draft,
    differences: Sequence[Difference],
    domain: Domain,
) -> None:
    """The steps of a turn beside what was done in it."""
    found = done_actions(said, events, domain)
    wanted = [each for each in said.expected if each.kind == "action"]
    for each in said.expected:
        if each.kind == "action":
            predicted = found.pop(0) if found else LISTEN
            draft.act(each.value, predicted, each.place)
            continue
        wrong = next((d for d in differences if d.place == each.place), None)
        if wrong is not None:
            draft.mistakes.append(str(wrong))
        comment = f"is: {wrong.found!r}" if wrong else ""
        told = [{"bot": each.value}] if each.kind == "bot" else _keys(each, domain)
        draft.steps += [WrittenStep(keys, comment) for keys in told]
    place = wanted[-1].place if wanted else said.place
    for extra in found or [LISTEN]:
        draft.act(LISTEN, extra, place, silent=True)


def _keys(expected: Expected, domain: Domain) -> list[dict[str, Any]]:
    return [step.keys for step in story_steps(told_events(expected, domain))]
