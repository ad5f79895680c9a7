"""A model opened from where it is: the project's own folder, a version, or a package."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import msgspec
import structlog

from bot.actions.base import ActionServer, ResponseServer
from bot.dialogue.learned import unread
from bot.door import WrongParameter
from bot.model.corrections import heeding
from bot.model.faq import with_faq
from bot.model.nlu import ServedUnderstanding, open_understanding
from bot.model.package import is_package, unpack
from bot.model.policy import current_policy, sentences_for
from bot.model.ranking import ServedRanker, open_ranking, ranked_policies, ranking_policy
from bot.model.serving import Loaded
from bot.predict import make_policies
from bot.project.cache import cache_folder
from bot.project.ignored import ignored
from bot.project.load import load_project
from bot.project.project import Endpoints, Project
from bot.review.store import Reviews
from bot.services import Bot, Services
from bot.settings import Settings
from bot.store.base import Leases, Log, News, TrackerStore
from nlu.errors import BundleError
from nlu.registry import Registry

ID_LETTERS = 16  # of a project's hash

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Live:
    """Where live state is. ``trackers`` gives those of a model, by its id."""

    trackers: Callable[[str], TrackerStore]
    leases: Leases
    news: News


@dataclass(frozen=True, slots=True)
class Shared:
    """What every model that a server loads works with. ``reviews``: labels to heed at once."""

    endpoints: Endpoints
    actions: ActionServer
    log: Log
    live: Live
    settings: Settings
    wording: ResponseServer | None = None
    reviews: Reviews | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A model's files. ``version`` None: the current one of the registry ``models``."""

    project: Path
    models: Path
    version: str | None
    file: str


@asynccontextmanager
async def open_model(
    name: str, shared: Shared, *, policy: str | None = None
) -> AsyncIterator[Loaded]:
    """The model ``name``: a package's path or a version of the registry; empty for the current.

    ``policy`` is the version of the policy model, by default the current one. Of a package nothing
    is taken but the project and what was trained: servers to call and credentials are this
    server's own. Raises ParleyError.
    """
    async with AsyncExitStack() as stack:
        found = await _find(name, shared.settings, stack)
        own = found.project == shared.settings.project
        project = await asyncio.to_thread(
            load_project,
            found.project,
            paths=shared.settings.paths if own else None,
            cache=cache_folder(),
        )
        project = msgspec.structs.replace(project, endpoints=shared.endpoints)
        nlu = await stack.enter_async_context(
            open_understanding(
                project, found.models, mode=shared.settings.nlu, version=found.version
            )
        )
        corrections = None
        if shared.reviews:
            corrections = await stack.enter_async_context(heeding(nlu, shared.reviews))
        ranker = await stack.enter_async_context(open_ranking(project, found.models))
        bot = await asyncio.to_thread(_bot, project, found.models, nlu, ranker, policy)
        faq = None
        if shared.settings.nlu != "none":
            nlu, faq = await stack.enter_async_context(with_faq(nlu, project, found.models))
        parley = Services(
            bot=bot,
            nlu=nlu,
            actions=shared.actions,
            log=shared.log,
            trackers=shared.live.trackers(project.hash),
            leases=shared.live.leases,
            news=shared.live.news,
            clock=time.time,
            random=Random(),
            wording=shared.wording,
            most_actions=shared.settings.most_actions,
            most_events=shared.settings.max_action_events,
            most_buttons=shared.settings.max_buttons,
        )
        _tell(project)
        yield Loaded(project, parley, nlu, found.file or nlu.model_id, faq, ranker, corrections)


def _bot(
    project: Project,
    models: Path,
    nlu: ServedUnderstanding,
    ranker: ServedRanker | None,
    policy: str | None,
) -> Bot:
    learned = current_policy(project, models, version=policy)
    sentences = sentences_for(learned, nlu)
    policies = make_policies(project, learned, sentences.of if sentences else unread)
    return Bot(
        domain=project.domain,
        policies=(*policies, *ranked_policies(project, ranker)),
        assistant_id=project.config.assistant_id or "",
        model_id=nlu.model_id or project.hash,
        policy_id=learned.manifest.version if learned else "",
        project_id=project.hash[:ID_LETTERS],
        sentences=sentences,
        ranking=ranker if ranking_policy(project) else None,
    )


async def _find(name: str, settings: Settings, stack: AsyncExitStack) -> Found:
    """Where the files of the model are; those of a package until ``stack`` is left."""
    if not name:
        return Found(settings.project, settings.models_folder, None, "")
    if path := await asyncio.to_thread(_package, name, settings):
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="parley-model-"))
        stack.push_async_callback(asyncio.to_thread, shutil.rmtree, folder, ignore_errors=True)
        await asyncio.to_thread(unpack, path, folder)
        return Found(folder / "project", folder / "models", None, path.name)
    if await asyncio.to_thread(_is_version, name, settings.models_folder):
        return Found(settings.project, settings.models_folder, name, name)
    raise WrongParameter(
        f"There is no model {name[:200]!r}: neither a package, {settings.models_folder} looked "
        "through as well, nor a version of the registry there.",
        "model",  # as Rasa calls it
        place="query",
    )


def _package(name: str, settings: Settings) -> Path | None:
    try:
        for path in (Path(name), settings.project / name, settings.models_folder / name):
            if path.is_file() and is_package(path):
                return path
    except (OSError, ValueError):  # a name that no file can have
        return None
    return None


def _is_version(name: str, models: Path) -> bool:
    try:
        return name in Registry(models).versions()
    except BundleError:
        return False


def _tell(project: Project) -> None:
    """What a start should say of the project, once it is clear that it can be served."""
    for warning in project.warnings:
        log.warning("project.warning", hint=warning)
    if without_effect := ignored((*project.config.pipeline, *project.config.policies)):
        log.info("project.config_ignored", components=[str(each) for each in without_effect])
