"""Nlu.parse: what one text means, asked of everything a project's pipeline names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from nlu import decode
from nlu.ahead import Ahead
from nlu.batcher import MicroBatcher
from nlu.bundle import Bundle
from nlu.corrections import Corrections
from nlu.explain import Explanation, blanked, explanation
from nlu.extractors.base import Extractor, merge
from nlu.extractors.synonyms import Synonyms
from nlu.language import Languages
from nlu.model import Reading, Scores
from nlu.parse import NO_CONTEXT, Context, Entity, Parse
from nlu.sentences import Sentences
from nlu.sentiment import as_entity
from nlu.session import Float32
from nlu.tokenizer import readable

MOST_PADDED_TOKENS = 128  # of one run: about ten short messages; more at once take longer each


class Decision(Protocol):
    """Has a word on the intent, after those before it."""

    def decide(self, parse: Parse) -> Parse:
        """``parse`` with its intent as this sees it."""
        ...


class Finder(Protocol):
    """Finds measures: dates, numbers, amounts and the like, by rules or by asking a server."""

    async def find(self, text: str, context: Context) -> Sequence[Entity]:
        """What is in ``text``, as seen from the user's clock."""
        ...


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What a project wants done with a text.

    ``before`` and ``after`` are the decisions that come before and after the model's, which
    overrules those before it, as any later component of Rasa's pipeline does.
    ``selectors`` are the retrieval intents to choose an answer of, and how many answers of each are
    ranked (0: all); None is all of them together.
    ``finder`` is named as the extractor of what the model finds. ``finders`` are asked while the
    model works. With ``sentiment`` what the model tells of it is an entity as well.
    """

    intents: bool = True
    entities: bool = True
    most_ranked: int = 10
    finder: str = "DIETClassifier"
    selectors: Mapping[str | None, int] = field(default_factory=dict)
    before: tuple[Decision, ...] = ()
    after: tuple[Decision, ...] = ()
    extractors: tuple[Extractor, ...] = ()
    finders: tuple[Finder, ...] = ()
    synonyms: Synonyms | None = None
    languages: Languages | None = None
    sentiment: bool = False


class Nlu:
    """Understands texts with a bundle, or without one by what needs no model."""

    def __init__(self, pipeline: Pipeline, served: ServedBundle | None = None) -> None:
        self._pipeline, self._served = pipeline, served
        self._sentences: Sentences | None = None
        self._corrections: Corrections | None = None
        self._ahead: Ahead[tuple[Parse, Sequence[Entity]]] = Ahead()

    @property
    def model_id(self) -> str:
        """The bundle's version; empty without one."""
        return self._served.bundle.manifest.version if self._served else ""

    @property
    def queue_length(self) -> int:
        """Texts accepted and not understood yet."""
        return self._served.batcher.queue_length if self._served else 0

    def keep_sentences(self) -> Sentences | None:
        """The vectors of what is parsed from now on; None without a bundle."""
        if self._served and self._sentences is None:
            self._sentences = Sentences(self.model_id, self._served.sentence)
        return self._sentences

    def heed(self) -> Heeded | None:
        """What people set right is mixed into what is parsed from now on.

        None where nothing can be: without a model of intents, with one of several at once, or one
        whose vectors also tell of what went before the text.
        """
        if self._served is None or not self._pipeline.intents:
            return None
        bundle = self._served.bundle
        if bundle.several or bundle.manifest.context_tokens:
            return None
        if self._corrections is None:
            self._corrections = Corrections(bundle.manifest.intents)
        return Heeded(self._corrections, self._served.sentence, bundle.manifest.lineage.reviewed)

    def expect(self, text: str) -> None:
        """Begin with ``text``, which is about to be parsed.

        Only where nothing else waits for the model, and what it says does not depend on what went
        before the text.
        """
        served = self._served
        if served and not served.batcher.queue_length and not served.bundle.manifest.context_tokens:
            self._ahead.begin(text, lambda: self._read(text, NO_CONTEXT))

    async def parse(self, text: str, context: Context = NO_CONTEXT) -> Parse:
        """What ``text`` means. Blank text means nothing; ``context`` is for models that were
        trained with it. Raises NluUnavailable when too many wait."""
        whole = readable(text)
        if not whole.strip():
            return Parse(whole)
        asked = [_asked(each, whole, context) for each in self._pipeline.finders]
        try:
            begun = await self._ahead.take(text)
            parse, found = begun or await self._read(text, context)
            measures = [entity for one in asked for entity in await one]
        finally:
            for one in asked:
                one.cancel()
        for decision in self._pipeline.after:
            parse = decision.decide(parse)
        entities = merge(whole, found, self._pipeline.extractors, measures)
        if self._pipeline.synonyms:
            entities = self._pipeline.synonyms.apply(entities)
        return msgspec.structs.replace(parse, entities=entities)

    async def _read(self, text: str, context: Context) -> tuple[Parse, Sequence[Entity]]:
        """What the decisions up to the model's make of ``text``, and the entities it found."""
        parse = Parse(readable(text))
        languages = self._pipeline.languages
        if languages and (language := languages.of(parse.text)):
            parse = msgspec.structs.replace(parse, language=language)
        for decision in self._pipeline.before:
            parse = decision.decide(parse)
        if self._served is None:
            return parse, ()
        scores = await self._served.read(parse.text, context)
        if self._sentences and not self._served.bundle.manifest.context_tokens:
            self._sentences.keep(text, scores.sentence)
        return self._decoded(parse, scores, self._served.bundle)

    async def explain(self, text: str, context: Context = NO_CONTEXT) -> Explanation | None:
        """Which words decide what the model makes of ``text``; None without a model.

        Word by word, so that what others wrote is understood in between. Raises TooLong.
        """
        if self._served is None:
            return None
        bundle, submit = self._served.bundle, self._served.batcher.submit
        whole = Reading(readable(text), bundle.model.tokenizer, context)
        scores = await submit(whole)
        without = [await submit(reading) for reading in blanked(whole)]
        return explanation(bundle, whole.text, scores, without)

    def _decoded(
        self, parse: Parse, scores: Scores, bundle: Bundle
    ) -> tuple[Parse, Sequence[Entity]]:
        """``parse`` with what the model says of the whole text, and the entities it found."""
        wanted, manifest = self._pipeline, bundle.manifest
        if not scores.words:  # nothing but what no vocabulary has: control characters
            return parse, []
        belief = bundle.belief(scores)
        if self._corrections:
            alone, belief = belief, self._corrections.mixed(belief, scores.sentence)
            if belief is not alone:
                parse = msgspec.structs.replace(parse, corrected=True)
        selected = decode.selection(belief.intents.tolist(), manifest.intents, wanted.selectors)
        parse = msgspec.structs.replace(parse, text_tokens=scores.words, response_selector=selected)
        if wanted.intents:
            most = wanted.most_ranked
            if bundle.several:
                ranked = bundle.ranking(scores, most=most)
            else:
                ranked = bundle.ranked(belief, most=most)
            parse = msgspec.structs.replace(parse, intent=ranked[0], intent_ranking=ranked)
        found: list[Entity] = []
        if bundle.sentiment:
            sentiment = bundle.sentiment.of(scores.sentence)
            parse = msgspec.structs.replace(parse, sentiment=sentiment)
            found += [as_entity(sentiment)] if wanted.sentiment else []
        if not wanted.entities:
            return parse, found
        return parse, found + decode.entities(
            parse.text,
            scores.words,
            scores.tags,
            manifest.labels,
            extractor=wanted.finder,
            chain=bundle.model.chain,
        )


@dataclass(frozen=True, slots=True)
class Heeded:
    """The corrections that a model heeds, and how it reads a sentence into a vector (hidden,).

    ``reviewed`` is how far its own data has been made of people's labels already.
    """

    corrections: Corrections
    read: Callable[[str], Awaitable[Float32]]
    reviewed: int = 0


def _asked(finder: Finder, text: str, context: Context) -> asyncio.Task[Sequence[Entity]]:
    return asyncio.ensure_future(finder.find(text, context))


@dataclass(frozen=True, slots=True)
class ServedBundle:
    """A bundle and the thread that runs it."""

    bundle: Bundle
    batcher: MicroBatcher[Reading, Scores]

    async def read(self, text: str, context: Context = NO_CONTEXT) -> Scores:
        """The model's scores of ``text``."""
        return await self.batcher.submit(Reading(text, self.bundle.model.tokenizer, context))

    async def sentence(self, text: str) -> Float32:
        """The vector of ``text``, whatever went before it."""
        return (await self.read(readable(text))).sentence


@asynccontextmanager
async def serve(bundle: Bundle, *, most_waiting: int = 1024) -> AsyncIterator[ServedBundle]:
    """Run ``bundle`` in a thread of its own until left; texts that wait are handed over together,
    and run together where that changes no answer."""
    batcher = MicroBatcher(
        bundle.model.read,
        length=lambda reading: reading.length,
        max_tokens=MOST_PADDED_TOKENS if bundle.batches else 0,
        most_waiting=most_waiting,
    )
    async with batcher:
        yield ServedBundle(bundle, batcher)
