"""Two models read the same sentences, with the project's whole pipeline, as they are served."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from bot.errors import SettingsError
from bot.model.nlu import ServedUnderstanding, open_understanding
from bot.project.project import Endpoints, Example, Project
from bot.testing.meaning import full_intent
from nlu.manifest import Manifest
from nlu.parse import NO_CONTEXT, Context, Parse
from training.gate.evidence import Answer, Asked, is_outside
from training.gate.verdict import Labels

CRITICAL = "critical"  # in an example's metadata


def from_tests(examples: Sequence[Example]) -> list[Asked]:
    """A project's test sentences; one with `critical: true` in its metadata may not be lost."""
    return [
        Asked(
            f"tests:{at}",
            example.text,
            example.intent,
            example.entities,
            critical=bool(example.metadata.get(CRITICAL)),
        )
        for at, example in enumerate(examples)
    ]


def known_to_both(
    asked: Sequence[Asked], current: Manifest, candidate: Manifest
) -> tuple[list[Asked], Labels]:
    """The sentences both models could answer rightly, and what only one of them knows.

    Sentences of an intent that is new, or gone, would only show that.
    """
    names = [set(each.intents) for each in (current, candidate)]
    kinds = [{label.entity for label in each.labels} for each in (current, candidate)]
    kept, left_out = [], dict[str, int]()
    for each in asked:
        if each.intent is None or each.is_outside or all(each.intent in known for known in names):
            kept.append(each)
        else:
            left_out[each.intent] = left_out.get(each.intent, 0) + 1
    return kept, Labels(
        intents_added=tuple(sorted(names[1] - names[0])),
        intents_gone=tuple(sorted(names[0] - names[1])),
        entities_added=tuple(sorted(kinds[1] - kinds[0])),
        entities_gone=tuple(sorted(kinds[0] - kinds[1])),
        left_out=dict(sorted(left_out.items())),
    )


def check_of_project(manifest: Manifest, project: Project) -> None:
    """Raises SettingsError for a model that knows none of the project's intents."""
    wanted = {example.intent for example in project.nlu.examples} | set(project.domain.intents)
    bases = {name.partition("/")[0] for name in wanted}
    known = {name.partition("/")[0] for name in manifest.intents if not is_outside(name)}
    if known and bases and not known & bases:
        some = ", ".join(sorted(known)[:3])
        raise SettingsError(
            f"model {manifest.version} is of another project: it knows {some}, and none of the "
            f"intents of {project.path}."
        )


def ask(
    project: Project, models: Path, versions: Sequence[str], asked: Sequence[Asked]
) -> list[list[Answer]]:
    """What each of ``versions`` makes of ``asked``, one sentence at a time, all of them in turn."""
    project = msgspec.structs.replace(project, endpoints=Endpoints())
    return asyncio.run(_ask(project, models, versions, asked))


async def _ask(
    project: Project, models: Path, versions: Sequence[str], asked: Sequence[Asked]
) -> list[list[Answer]]:
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(open_understanding(project, models, version=version))
            for version in versions
        ]
        found: list[list[Answer]] = [[] for _ in versions]
        for at, each in enumerate(asked):
            # Who comes first has it harder: the processor's caches hold the other model.
            for number in range(len(opened)):
                which = (at + number) % len(opened)
                found[which].append(await _answer(opened[which], each))
        return found


async def _answer(nlu: ServedUnderstanding, asked: Asked) -> Answer:
    context = Context(bot_text=asked.before) if asked.before else NO_CONTEXT
    begun = time.perf_counter()
    parse = await nlu.parse(asked.text, context)
    ms = (time.perf_counter() - begun) * 1000
    return Answer(_intent(parse, asked), parse.intent.confidence, parse.entities, round(ms, 3))


def _intent(parse: Parse, asked: Asked) -> str:
    """With the answer picked, where one is asked for."""
    if asked.intent is None or "/" in asked.intent:
        return full_intent(parse) or ""
    return parse.intent.name or ""
