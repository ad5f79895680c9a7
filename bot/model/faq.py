"""Questions answered from the FAQ, beside whatever else understands a text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import structlog

from bot.errors import SettingsError
from bot.model.nlu import ServedUnderstanding
from bot.project.faq_folders import INTENT
from bot.project.hashes import faq_hash
from bot.project.project import Project
from nlu.batcher import MicroBatcher
from nlu.errors import BundleError
from nlu.fallback import NLU_FALLBACK
from nlu.parse import NO_CONTEXT, Context, Intent, Parse
from nlu.ranking.entry import RETRIEVER, THRESHOLD, FaqEntry
from nlu.ranking.faq import FaqIndex, Found
from nlu.ranking.faq_bundle import FOLDER, open_faq, read_faq_manifest
from nlu.registry import Registry

MOST_RANKED = 10  # as a response selector's

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Retriever:
    """A component of config.yml that answers from the FAQ."""

    intent: str
    threshold: float


def retrievers(project: Project) -> tuple[Retriever, ...]:
    """Those that the pipeline names."""
    return tuple(
        Retriever(
            component.options.get("retrieval_intent") or INTENT,
            float(component.options.get("threshold", THRESHOLD)),
        )
        for component in project.config.pipeline
        if component.name.rpartition(".")[2] == RETRIEVER
    )


def faq_registry(models: Path) -> Registry:
    """The FAQ beside the bundles in ``models``."""
    return Registry(models / FOLDER, read=read_faq_manifest)


def current_faq(project: Project, models: Path) -> FaqIndex | None:
    """The FAQ to serve ``project`` with; None where it has none.

    Reads and runs a model, so not on the event loop. Raises SettingsError where the FAQ cannot be
    served: the project says that questions are answered from it.
    """
    if not project.faq:
        return None
    registry = faq_registry(models)
    train = f"`parley train faq --project {project.path}`"
    try:
        version = registry.current()
        if version is None:
            raise SettingsError(
                f"{registry.root} holds no FAQ yet, and the pipeline has {RETRIEVER}. Run {train}; "
                "it takes seconds, and trains nothing unless asked to."
            )
        index = open_faq(registry.folder(version))
    except BundleError as error:
        raise SettingsError(f"The FAQ cannot be served: {error} {train} makes another.") from error
    if read_faq_manifest(registry.folder(version)).data_hash != faq_hash(project):
        log.warning("faq.stale", version=version, hint=f"the FAQ changed since: run {train}")
    return index


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked up: how many entries at most, and of which names; None for all."""

    text: str
    limit: int
    among: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class ServedFaq:
    """An FAQ and the thread that searches it."""

    index: FaqIndex
    batcher: MicroBatcher[Search, list[Found]]
    components: tuple[Retriever, ...] = ()

    def threshold_of(self, entry: FaqEntry) -> float:
        """From which confidence on the project believes ``entry``."""
        intent = entry.name.partition("/")[0]
        own = (each.threshold for each in self.components if each.intent == intent)
        return next(own, THRESHOLD)

    async def search(
        self, text: str, *, limit: int = MOST_RANKED, among: frozenset[str] | None = None
    ) -> list[Found]:
        """The best entries, the best first. Raises NluUnavailable when too many wait."""
        return await self.batcher.submit(Search(text, limit, among))

    def names_of(self, component: Retriever) -> frozenset[str]:
        """The entries that ``component`` answers from."""
        names = (entry.name for entry in self.index.entries)
        return frozenset(name for name in names if name.startswith(f"{component.intent}/"))


@asynccontextmanager
async def serve_faq(
    index: FaqIndex, components: Sequence[Retriever] = ()
) -> AsyncIterator[ServedFaq]:
    """Search ``index`` in a thread of its own until left."""

    def search(asked: Sequence[Search]) -> list[list[Found]]:
        return [index.search(each.text, limit=each.limit, among=each.among) for each in asked]

    async with MicroBatcher(search, length=lambda search: 1, max_tokens=0) as batcher:
        yield ServedFaq(index, batcher, tuple(components))


class WithFaq:
    """An Understanding whose texts are looked up in the FAQ too.

    The FAQ's intent takes the place of one that is less sure, or of the fallback, where the FAQ is
    sure enough. What it found is under ``response_selector`` in any case.
    """

    def __init__(self, other: ServedUnderstanding, faq: ServedFaq) -> None:
        self._other, self._faq = other, faq
        self._own = [(component, faq.names_of(component)) for component in faq.components]

    @property
    def model_id(self) -> str:
        """Of the model that understands the rest."""
        return self._other.model_id

    @property
    def queue_length(self) -> int:
        """Texts accepted and not understood yet."""
        return self._other.queue_length + self._faq.batcher.queue_length

    async def parse(self, text: str, context: Context = NO_CONTEXT) -> Parse:
        """What ``text`` means. Raises NluUnavailable when too many wait."""
        if not text.strip():
            return await self._other.parse(text, context)
        searches = [
            (component, asyncio.ensure_future(self._faq.search(text, among=names)))
            for component, names in self._own
        ]
        try:
            parse = await self._other.parse(text, context)
            for component, searching in searches:
                parse = with_answer(parse, component, await searching)
        finally:
            for _, searching in searches:
                searching.cancel()
        return parse


def with_answer(parse: Parse, component: Retriever, found: Sequence[Found]) -> Parse:
    """``parse`` with the entries ``found`` for ``component``, the best first."""
    if not found:
        return parse
    parse = msgspec.structs.replace(
        parse,
        response_selector={**parse.response_selector, component.intent: selection(found)},
    )
    sure, intent = found[0].confidence, parse.intent
    unknown = intent.name in (None, NLU_FALLBACK)
    if sure < component.threshold or (not unknown and intent.confidence >= sure):
        return parse
    answer = Intent(component.intent, sure)
    others = [each for each in parse.intent_ranking if each.name != component.intent]
    return msgspec.structs.replace(parse, intent=answer, intent_ranking=(answer, *others))


def selection(found: Sequence[Found]) -> dict[str, Any]:
    """As Rasa's ResponseSelector writes what it chose."""
    best = found[0]
    return {
        "response": {
            "responses": [{"text": best.entry.answer}],
            "confidence": best.confidence,
            "intent_response_key": best.entry.name,
            "utter_action": f"utter_{best.entry.name}",
        },
        "ranking": [
            {"confidence": each.confidence, "intent_response_key": each.entry.name}
            for each in found
        ],
    }


@asynccontextmanager
async def with_faq(
    other: ServedUnderstanding, project: Project, models: Path
) -> AsyncIterator[tuple[ServedUnderstanding, ServedFaq | None]]:
    """``other``, and the FAQ of ``project`` beside it if it has one. Raises SettingsError."""
    index = await asyncio.to_thread(current_faq, project, models)
    if index is None:
        yield other, None
        return
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(serve_faq(index, retrievers(project)))
        yield WithFaq(other, served), served
