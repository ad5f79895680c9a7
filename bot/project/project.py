"""A project as read: the values every part of Parley is built from."""

from __future__ import annotations

from typing import Any

import msgspec

from bot.dialogue.domain import Domain
from bot.dialogue.stories import Story
from nlu.parse import Context
from nlu.ranking.entry import FaqEntry


class ExampleEntity(msgspec.Struct, frozen=True):
    """An annotated span; ``value`` equals the surface text unless a synonym was given."""

    start: int
    end: int
    entity: str
    value: str
    role: str | None = None
    group: str | None = None


class Example(msgspec.Struct, frozen=True):
    """A training sentence without its markup.

    ``intent`` is the full name (``faq/opening_hours`` for a retrieval intent). Entity offsets
    count code points of ``text``. ``metadata`` merges the intent's and the example's own.
    ``contexts`` are what may have gone before it; none where nothing is known of that.
    """

    text: str
    intent: str
    entities: tuple[ExampleEntity, ...] = ()
    metadata: dict[str, Any] = {}
    file: str = ""
    line: int = 0
    contexts: tuple[Context, ...] = ()


class Regex(msgspec.Struct, frozen=True):
    """Patterns of one name; an entity's name makes RegexEntityExtractor use it."""

    name: str
    patterns: tuple[str, ...]


class Lookup(msgspec.Struct, frozen=True):
    """Known values of an entity."""

    name: str
    values: tuple[str, ...]


class NluData(msgspec.Struct, frozen=True):
    """All NLU training data of a project, in the order of the (sorted) files.

    ``synonyms`` maps a surface form to its value, from ``synonym:`` blocks and annotations.
    """

    examples: tuple[Example, ...] = ()
    synonyms: dict[str, str] = {}
    regexes: tuple[Regex, ...] = ()
    lookups: tuple[Lookup, ...] = ()


class Component(msgspec.Struct, frozen=True):
    """An entry of ``pipeline`` or ``policies``: its name and its other keys."""

    name: str
    options: dict[str, Any] = {}


class Config(msgspec.Struct, frozen=True):
    """config.yml. Missing pipeline or policies are filled with Parley's defaults by the reader."""

    language: str = "en"
    languages: tuple[str, ...] = ()  # to be told apart, the main one first
    assistant_id: str | None = None
    pipeline: tuple[Component, ...] = ()
    policies: tuple[Component, ...] = ()

    def component(self, *names: str) -> Component | None:
        """The first pipeline entry with one of ``names`` (class paths count by their last part)."""
        return next((c for c in self.pipeline if c.name.rsplit(".", 1)[-1] in names), None)


ACTION_TIMEOUT_S = 60.0  # actions call other services, and models that take their time


class Endpoint(msgspec.Struct, frozen=True):
    """A server to call, from endpoints.yml."""

    url: str
    token: str | None = None
    headers: dict[str, str] = {}
    basic_auth: tuple[str, str] | None = None
    selective_domain: bool = False
    timeout_s: float = 10.0
    cafile: str | None = None  # certificates to trust, instead of the system's


class Endpoints(msgspec.Struct, frozen=True):
    """endpoints.yml with ``${VAR}`` expanded; ``tracker_store`` and the like stay raw dicts.

    ``actions_module`` names the package whose actions run in the server's own process.
    """

    action_endpoint: Endpoint | None = None
    actions_module: str = ""
    nlu: Endpoint | None = None
    nlg: Endpoint | None = None
    tracker_store: dict[str, Any] = {}
    lock_store: dict[str, Any] = {}
    event_broker: dict[str, Any] = {}
    models: Endpoint | None = None  # where packages are had
    models_wait_s: float = 100.0  # between two looks


class Project(msgspec.Struct, frozen=True):
    """A whole project. ``path`` is its folder; ``warnings`` are sentences with file and line.

    ``responses`` of data files and of the domain are merged in ``domain.responses``.
    ``credentials`` is credentials.yml: channel name to its settings.
    ``hash`` is the SHA-256 of everything training depends on (NLU data, domain, config, stories).
    """

    path: str
    domain: Domain
    nlu: NluData
    stories: tuple[Story, ...]
    config: Config
    endpoints: Endpoints = Endpoints()
    credentials: dict[str, Any] = {}
    hash: str = ""
    nlu_hash: str = ""  # of what the NLU model depends on: NLU data, pipeline, intents, entities
    warnings: tuple[str, ...] = ()
    faq: tuple[FaqEntry, ...] = ()  # of all folders that the pipeline names
