"""A whole Parley in this process: for transcripts, for tests, for trying a project."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from bot.actions.base import ActionServer
from bot.predict import make_policies
from bot.project.project import Example, Project
from bot.services import Bot, Services
from bot.store.memory import MemoryLeases, MemoryLog, MemoryNews, MemoryTrackers
from nlu.parse import NO_CONTEXT, Context, Entity, Intent, Parse, Understanding

NOON = 1_700_000_000.0


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        self.now += seconds


class ScriptedNlu:
    """Understands the texts it was told of; any other has no intent and no entities."""

    def __init__(self, parses: Mapping[str, Parse]) -> None:
        self._parses = dict(parses)

    async def parse(self, text: str, context: Context = NO_CONTEXT) -> Parse:
        return self._parses.get(text) or Parse(text)


def examples_nlu(project: Project) -> ScriptedNlu:
    """Understands exactly the examples of ``project``."""
    return ScriptedNlu({example.text: _parse(example) for example in project.nlu.examples})


def _parse(example: Example) -> Parse:
    name = example.intent.partition("/")[0]
    intent = Intent(name, 1.0)
    entities = tuple(
        Entity(each.entity, each.value, each.start, each.end, each.role, each.group)
        for each in example.entities
    )
    selector: dict[str, Any] = {}
    if "/" in example.intent:
        answer = {"intent_response_key": example.intent, "utter_action": f"utter_{example.intent}"}
        selector = {name: {"response": answer}}
    return Parse(example.text, intent, entities, (intent,), selector)


def memory_services(
    project: Project,
    nlu: Understanding,
    actions: ActionServer,
    *,
    clock: HandClock | None = None,
    seed: int = 0,
) -> Services:
    """Services for ``project`` that keep everything in memory."""
    clock = clock or HandClock()
    return Services(
        bot=Bot(project.domain, make_policies(project)),
        nlu=nlu,
        actions=actions,
        log=MemoryLog(clock=clock),
        trackers=MemoryTrackers(),
        leases=MemoryLeases(),
        news=MemoryNews(),
        clock=clock,
        random=Random(seed),
    )
