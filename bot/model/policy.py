"""Which policy model serves a project: the current one of its registry, if it has one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import structlog

from bot.dialogue.learned import LearnedPolicy, UnlikelyIntentPolicy
from bot.dialogue.stories import OrStep, Story, UserStep
from bot.project.hashes import core_hash
from bot.project.project import Project
from nlu.errors import BundleError
from nlu.parse import Understanding
from nlu.pipeline import Nlu
from nlu.policy import FOLDER, PolicyModel, open_policy, read_policy_manifest
from nlu.registry import Registry
from nlu.sentences import Sentences

LEARNED = (LearnedPolicy.name, UnlikelyIntentPolicy.name)

log = structlog.get_logger()


def wants_policy(project: Project) -> bool:
    """Whether config.yml names a policy that has to be trained, and stories to train it on."""
    names = {entry.name.rsplit(".", 1)[-1] for entry in project.config.policies}
    return not names.isdisjoint(LEARNED) and any(not story.is_rule for story in project.stories)


def told_texts(stories: Sequence[Story]) -> tuple[str, ...]:
    """What users say in ``stories`` word by word, each once, in order. Rules are left out."""
    found = (step.text for story in stories if not story.is_rule for step in _users(story))
    return tuple(dict.fromkeys(text for text in found if text))


def _users(story: Story) -> Iterator[UserStep]:
    for step in story.steps:
        choices = step.choices if isinstance(step, OrStep) else (step,)
        yield from (choice for choice in choices if isinstance(choice, UserStep))


def sentences_for(model: PolicyModel | None, nlu: Understanding) -> Sentences | None:
    """What tells ``model`` what users' words are about; None, and a warning, where ``nlu`` is not
    the bundle whose vectors it has learned."""
    if model is None or not (wanted := model.manifest.nlu_version):
        return None
    sentences = nlu.keep_sentences() if isinstance(nlu, Nlu) else None
    if sentences is None or sentences.version != wanted:
        log.warning(
            "policy.stale",
            version=model.manifest.version,
            hint="what users say word by word in stories was learned with the NLU model "
            f"{wanted}, which does not serve: run `parley train`. Until then their intents count.",
        )
        return None
    return sentences


def policy_registry(models: Path) -> Registry:
    """The policy models beside the bundles in ``models``."""
    return Registry(models / FOLDER, read=read_policy_manifest)


def current_policy(
    project: Project, models: Path, *, version: str | None = None
) -> PolicyModel | None:
    """The policy model to serve ``project`` with, by default the current one; None, and a warning,
    where there is none.

    Rules and memoization go on without it. Reads and runs a model, so not on the event loop.
    """
    if not wants_policy(project):
        return None
    registry = policy_registry(models)
    train = f"run `parley train --project {project.path}`"
    try:
        version = version or registry.current()
        if version is None:
            log.warning("policy.missing", hint=f"no policy model is trained yet: {train}")
            return None
        model = open_policy(registry.folder(version))
    except BundleError as error:
        log.warning("policy.unusable", hint=f"{error} Serving without it; {train}")
        return None
    if model.manifest.data_hash != core_hash(project):
        log.warning(
            "policy.stale",
            version=version,
            hint=f"stories, domain or policies changed since: {train}",
        )
    return model
