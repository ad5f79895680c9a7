"""What a ranker learns from: dialogues told in stories, and those that were really held."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bot.dialogue.domain import Domain
from bot.dialogue.events import AgentUttered, BotUttered, Event, SlotSet
from bot.dialogue.sessions import sessions
from bot.dialogue.stories import ActionStep, OrStep, Story, UserStep
from bot.errors import NotFound
from bot.model.ranking import line_of
from bot.project.project import Example, Project
from nlu.ranking.candidates import Candidate
from nlu.ranking.delexicalise import delexicalised
from nlu.ranking.dialogue import Line

TELLINGS = 4  # of a story, each time with other examples of what users say


@dataclass(frozen=True, slots=True)
class Answered:
    """What an agent or the bot said, and all lines before it; a dialogue has one number."""

    before: tuple[Line, ...]
    answer: Candidate
    dialogue: int


def told(project: Project, seed: int, *, first: int = 0) -> list[Answered]:
    """The answers in stories and rules; users say examples of the intents there."""
    rng = random.Random(seed)
    examples: dict[str, list[Example]] = {}
    for example in project.nlu.examples:
        examples.setdefault(example.intent.partition("/")[0], []).append(example)
    texts = {name: _text(project.domain, name) for name in project.domain.responses}
    found: list[Answered] = []
    for number, story in enumerate(project.stories * TELLINGS, first):
        found += _tell(story, number, examples, texts, rng)
    return found


def held(
    events: Sequence[Event], conversation_id: str, domain: Domain, number: int
) -> list[Answered]:
    """The answers in a logged session. What the bot said by a response is that response."""
    slots: dict[str, object] = {}
    lines: list[Line] = []
    found = []
    for place, event in enumerate(events):
        if isinstance(event, SlotSet):
            slots[event.name] = event.value
        line = line_of(event)
        if line is None:
            continue
        if lines and isinstance(event, BotUttered | AgentUttered):
            turn = (conversation_id, place)
            found.append(Answered(tuple(lines), _answer(event, line, slots, domain, turn), number))
        lines.append(line)
    return found


async def logged(url: str, domain: Domain, *, first: int = 0) -> list[Answered]:
    """The answers in every session of the log at ``url``; none where there is no log yet."""
    from bot.store.archive import open_archive

    found: list[Answered] = []
    number = first
    try:
        async with open_archive(url) as archive:
            async for name in archive.ids():
                events = await archive.events(name, all_sessions=True)
                for session in sessions(events):
                    found += held(session, name, domain, number)
                    number += 1
    except NotFound:
        return []
    return found


def logged_answers(project: Project, *, first: int) -> list[Answered]:
    """The answers in the log that the settings name for ``project``."""
    from bot.settings import load_settings

    settings = load_settings(project=Path(project.path))
    url = settings.completed(project.endpoints).sql_url
    return asyncio.run(logged(url, project.domain, first=first))


def counted(answers: Sequence[Candidate]) -> list[Candidate]:
    """Each template once, with how often it was said; the first one said it."""
    found: dict[tuple[str, str | None], Candidate] = {}
    for answer in answers:
        key = answer.template, answer.name
        before = found.get(key)
        found[key] = (
            answer
            if before is None
            else msgspec.structs.replace(before, count=before.count + answer.count)
        )
    return list(found.values())


def _answer(
    event: BotUttered | AgentUttered,
    line: Line,
    slots: dict[str, object],
    domain: Domain,
    turn: tuple[str, int],
) -> Candidate:
    name = event.metadata.get("utter_action")
    if isinstance(name, str) and (template := _text(domain, name)):
        return Candidate(template, "response", name)
    return Candidate(delexicalised(line.text, slots), "agent", turn=turn)


def _tell(
    story: Story,
    number: int,
    examples: dict[str, list[Example]],
    texts: dict[str, str],
    rng: random.Random,
) -> Iterator[Answered]:
    lines: list[Line] = []
    for step in story.steps:
        each = step.choices[0] if isinstance(step, OrStep) else step
        if isinstance(each, UserStep):
            said = each.text or _example(each.intent or "", examples, rng)
            lines.append(Line("user", said))
        elif isinstance(each, ActionStep) and (text := texts.get(each.name or "")):
            if lines:
                yield Answered(tuple(lines), Candidate(text, "response", each.name), number)
            lines.append(Line("agent", text))


def _example(intent: str, examples: dict[str, list[Example]], rng: random.Random) -> str:
    some = examples.get(intent.partition("/")[0])
    return rng.choice(some).text if some else intent.replace("_", " ")


def _text(domain: Domain, name: str) -> str:
    return next((each.text for each in domain.responses.get(name, ()) if each.text), "")
