"""Which NLU serves a project: its pipeline, component by component, in Parley's parts.

Intent and entity classifiers that Rasa would train are one model here, the project's current
bundle. Components that only prepare features for them have nothing to do.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
)
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Protocol

import structlog

from bot.errors import ProjectError, SettingsError
from bot.plugins import find
from bot.project.hashes import read_hash
from bot.project.project import Component, Endpoint, Project
from nlu import duckling, grammar
from nlu.bundle import Bundle, open_bundle
from nlu.duckling import open_duckling
from nlu.errors import BundleError, NluError
from nlu.extractors.base import Extractor
from nlu.extractors.lookup import LookupExtractor
from nlu.extractors.synonyms import Synonyms
from nlu.fallback import Fallback
from nlu.http import open_remote
from nlu.keywords import Keywords
from nlu.language import Languages
from nlu.parse import Understanding
from nlu.pipeline import Decision, Finder, Nlu, Pipeline, serve
from nlu.ranking.entry import RETRIEVER
from nlu.registry import Registry
from nlu.sentiment import ENTITY as SENTIMENT

log = structlog.get_logger()

INTENT_MODELS = (
    "DIETClassifier",
    "LogisticRegressionClassifier",
    "MitieIntentClassifier",
    "SklearnIntentClassifier",
)
ENTITY_MODELS = (
    "DIETClassifier",
    "CRFEntityExtractor",
    "MitieEntityExtractor",
    "SpacyEntityExtractor",
)
MAKES_FEATURES = ("Tokenizer", "Featurizer", "NLP")  # how such components' names end
ELSEWHERE = (
    "RegexEntityExtractor",
    "EntitySynonymMapper",
    "ResponseSelector",
    duckling.NAME,
    grammar.NAME,
    RETRIEVER,
)


class ServedUnderstanding(Understanding, Protocol):
    """An Understanding as a server shows it."""

    @property
    def model_id(self) -> str:
        """The version of the model that answers; empty where none of ours does."""
        ...

    @property
    def queue_length(self) -> int:
        """Texts accepted and not understood yet."""
        ...


@asynccontextmanager
async def open_understanding(
    project: Project,
    models: Path,
    *,
    mode: Literal["auto", "none"] = "auto",
    version: str | None = None,
) -> AsyncIterator[ServedUnderstanding]:
    """The NLU of ``project``, its model and connections closed when left.

    An NLU endpoint serves everything. Else ``auto`` serves the whole pipeline, with the bundle
    ``version`` of ``models``, by default the current one, where the pipeline wants a model;
    ``none`` only the keyword classifier, if the pipeline has one. Raises SettingsError when a
    model is wanted and cannot be had.
    """
    if endpoint := project.endpoints.nlu:
        async with _remote(endpoint) as remote:
            yield remote
        return
    pipeline = await asyncio.to_thread(_pipeline, project)  # it may read files of statistics
    if mode == "none":
        yield Nlu(_keywords_only(pipeline))
        return
    async with AsyncExitStack() as stack:
        finders = [await stack.enter_async_context(each) for each in _finders(project)]
        pipeline = replace(pipeline, finders=tuple(finders))
        bundle = await asyncio.to_thread(_bundle, project, models, version)
        if bundle is None:
            yield Nlu(pipeline)
        else:
            yield Nlu(pipeline, await stack.enter_async_context(serve(bundle)))


def wants_model(project: Project) -> bool:
    """Whether anything in the pipeline has to be trained."""
    pipeline = _parts(project)
    return pipeline.intents or pipeline.entities or bool(pipeline.selectors)


def _remote(endpoint: Endpoint) -> Any:
    return open_remote(
        endpoint.url,
        token=endpoint.token,
        headers=endpoint.headers,
        basic_auth=endpoint.basic_auth,
        timeout_s=endpoint.timeout_s,
    )


def _bundle(project: Project, models: Path, version: str | None) -> Bundle | None:
    """The model to serve; None where the pipeline wants none, or has nothing to be trained on."""
    if not wants_model(project):
        return None
    registry = Registry(models)
    try:
        version = version or registry.current()
        if version is None and not project.nlu.examples:
            log.warning(
                "model.none", hint="there are no NLU examples: only payloads mean something"
            )
            return None
        if version is None:
            raise SettingsError(
                f"{models} holds no model yet, and the project's pipeline wants one. Run "
                f"`parley train --project {project.path}`, or serve without: `--nlu none`."
            )
        bundle = open_bundle(registry.folder(version))
    except BundleError as error:
        raise SettingsError(
            f"The model cannot be served: {error} `parley train --project {project.path}` "
            "makes another."
        ) from error
    made_of = read_hash(project, context=bundle.manifest.context_tokens > 0)
    if bundle.manifest.data_hash != made_of:
        log.warning(
            "model.stale",
            version=version,
            hint="the project's NLU data, pipeline or labels changed since: run `parley train`",
        )
    return bundle


def _pipeline(project: Project) -> Pipeline:
    """What config.yml and the NLU data say, ready to run."""
    pipeline = _parts(project)
    before: list[Decision] = []
    after: list[Decision] = []
    own: list[Extractor] = []
    classified = not pipeline.intents
    for component in project.config.pipeline:
        if _name(component) in INTENT_MODELS:
            classified = True
        elif decision := _decision(component, project):
            (after if classified else before).append(decision)
        elif extractor := _own_extractor(component):
            own.append(extractor)
    return replace(
        pipeline,
        before=tuple(before),
        after=tuple(after),
        extractors=(*_extractors(project), *own),
        synonyms=_synonyms(project),
        languages=Languages(project.config.languages) if project.config.languages else None,
        sentiment=SENTIMENT in project.domain.entities,
    )


def _parts(project: Project) -> Pipeline:
    """What the model of ``project`` is asked for."""
    intents, entities, most_ranked, finder = False, False, 10, "DIETClassifier"
    selectors: dict[str | None, int] = {}
    for component in project.config.pipeline:
        name = _name(component)
        if name in INTENT_MODELS and _flag(component, "intent_classification", True):
            intents, most_ranked = True, int(_number(component, "ranking_length", 10))
        if name in ENTITY_MODELS and _flag(component, "entity_recognition", True):
            entities, finder = True, name
        if name == "ResponseSelector" and _has_answers(project):
            most = int(_number(component, "ranking_length", 10))
            selectors[component.options.get("retrieval_intent")] = max(most, 0)
    return Pipeline(intents, entities, max(most_ranked, 0), finder, selectors)


def _keywords_only(pipeline: Pipeline) -> Pipeline:
    decisions = (*pipeline.before, *pipeline.after)
    if not any(isinstance(decision, Keywords) for decision in decisions):
        decisions = ()
    return Pipeline(intents=False, entities=False, after=decisions)


def _decision(component: Component, project: Project) -> Decision | None:
    match _name(component):
        case "KeywordIntentClassifier":
            return Keywords(
                ((example.text, example.intent) for example in project.nlu.examples),
                case_sensitive=_flag(component, "case_sensitive", True),
            )
        case "FallbackClassifier":
            return Fallback(
                threshold=_number(component, "threshold", 0.3),
                ambiguity_threshold=_number(component, "ambiguity_threshold", 0.1),
            )
        case _:
            return None


def _extractors(project: Project) -> tuple[Extractor, ...]:
    component = project.config.component("RegexEntityExtractor")
    if component is None:
        return ()
    case_sensitive = _flag(component, "case_sensitive", False)
    entities = {e.entity for example in project.nlu.examples for e in example.entities}
    entities |= project.domain.entities.keys()
    found: list[Extractor] = []
    if _flag(component, "use_regexes", True):
        regexes = {r.name: r.patterns for r in project.nlu.regexes if r.name in entities}
        try:
            found += _patterns(regexes, case_sensitive=case_sensitive)
        except NluError as error:
            raise ProjectError(str(error)) from error
    if _flag(component, "use_lookup_tables", True):
        lookups = {lookup.name: lookup.values for lookup in project.nlu.lookups}
        found.append(
            LookupExtractor(
                {name: values for name, values in lookups.items() if name in entities},
                case_sensitive=case_sensitive,
                whole_words=_flag(component, "use_word_boundaries", True),
                fuzzy=_flag(component, "fuzzy", False),
            )
        )
    return tuple(found)


def _patterns(regexes: Mapping[str, Sequence[str]], *, case_sensitive: bool) -> Iterator[Extractor]:
    if regexes:
        from nlu.extractors.regex import RegexExtractor  # its library is large

        yield RegexExtractor(regexes, case_sensitive=case_sensitive)


def _finders(project: Project) -> Iterator[AbstractAsyncContextManager[Finder]]:
    """What finds dates, numbers and the like: the grammar, or a Duckling server where the project
    names one; Rasa's variable comes before its ``url``."""
    for component in project.config.pipeline:
        name = _name(component)
        if name not in (duckling.NAME, grammar.NAME):
            continue
        options = component.options
        dimensions = options.get("dimensions")
        wanted = tuple(str(each) for each in dimensions) if isinstance(dimensions, list) else None
        url = os.environ.get("RASA_DUCKLING_HTTP_URL") or options.get("url")
        if name == duckling.NAME and url:
            locale = options.get("locale") or _locale(project.config.language)
            timeout_s = _number(component, "timeout", 3.0)
            yield open_duckling(
                duckling.Options(str(url), wanted, locale, options.get("timezone"), timeout_s)
            )
        else:
            yield nullcontext(_grammar(component, wanted, project.config.language))


def _grammar(component: Component, dimensions: tuple[str, ...] | None, language: str) -> Finder:
    """The grammar, also in the place of a Duckling without a server."""
    # Here, as most projects have neither.
    from nlu.grammar import component as parts
    from nlu.grammar.grammar import DIMENSIONS

    name = _name(component)
    if name == duckling.NAME:
        unknown = [each for each in dimensions or () if each not in DIMENSIONS]
        log.info("nlu.grammar_serves", component=name, why="it has no url", not_found=unknown)
    locale = str(component.options.get("locale") or language)
    if not parts.knows_words(locale):
        hint = "it knows the words of English and Chinese; here only figures and signs"
        log.warning("nlu.grammar_without_words", component=name, locale=locale, hint=hint)
    try:
        return parts.GrammarFinder(
            parts.Options(
                dimensions=dimensions,
                locale=locale,
                timezone=str(component.options.get("timezone") or "UTC"),
                latent=_flag(component, "latent", False),
                extractor=name,
            )
        )
    except NluError as error:
        raise ProjectError(f"{name}: {error}", file="config.yml") from error


def _locale(language: str) -> str | None:
    """``de_DE`` for ``de``; Duckling's own default is English."""
    return None if language == "en" or len(language) != 2 else f"{language}_{language.upper()}"


def _own_extractor(component: Component) -> Extractor | None:
    """An extractor that is not part of Parley, made from the component's options."""
    if _is_known(_name(component)):
        return None
    try:
        made: Extractor = find("extractors", component.name)(**component.options)
        if callable(getattr(made, "extract", None)) and hasattr(made, "exact"):
            return made
        why = "it is no extractor: extract(text) and exact are what makes one"
    except (SettingsError, TypeError) as error:  # a component written for Rasa, as a rule
        why = str(error)
    log.warning("nlu.component_ignored", component=component.name, why=why)
    return None


def _synonyms(project: Project) -> Synonyms | None:
    if project.config.component("EntitySynonymMapper") is None:
        return None
    return Synonyms(project.nlu.synonyms)


def _is_known(name: str) -> bool:
    return name in (*ENTITY_MODELS, *ELSEWHERE) or name.endswith(MAKES_FEATURES)


def _has_answers(project: Project) -> bool:
    return any("/" in example.intent for example in project.nlu.examples)


def _name(component: Component) -> str:
    return component.name.rsplit(".", 1)[-1]


def _flag(component: Component, key: str, default: bool) -> bool:
    value = component.options.get(key, default)
    if not isinstance(value, bool):
        raise _wrong(component, key, value, "true or false")
    return value


def _number(component: Component, key: str, default: float) -> float:
    value = component.options.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(component, key, value, "a number")
    return float(value)


def _wrong(component: Component, key: str, value: Any, right: str) -> ProjectError:
    return ProjectError(
        f"{component.name}: '{key}' is {value!r}; it must be {right}.", file="config.yml"
    )
