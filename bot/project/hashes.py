"""What a project comes down to, as SHA-256: equal when nothing that matters differs.

Comments, layout, and the file and line where something stands do not matter; the order of
examples does, because a seeded training run sees them in this order.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec

from bot.project.project import Example, Project
from nlu.ranking.entry import RETRIEVER

LEARNED = ("TEDPolicy", "UnexpecTEDIntentPolicy")


def project_hash(project: Project) -> str:
    """Of everything training depends on."""
    return _hash(
        [[*_example(e), e.metadata] for e in project.nlu.examples],
        project.nlu.synonyms,
        project.nlu.regexes,
        project.nlu.lookups,
        msgspec.structs.replace(project.domain, raw={}),
        [msgspec.structs.replace(s, file="", line=0) for s in project.stories],
        project.config,
        *([project.faq] if project.faq else []),  # so that without one it is as it was before
    )


def faq_hash(project: Project) -> str:
    """Of what the index of the FAQ depends on."""
    return _hash(project.faq, project.config.language, trains_faq(project))


def ranker_hash(project: Project) -> str:
    """Of what a ranker learns from in the project; the log is not looked at."""
    return _hash(
        [msgspec.structs.replace(s, file="", line=0) for s in project.stories],
        [_example(e) for e in project.nlu.examples],
        project.domain.responses,
        [each for each in project.config.policies if each.name.endswith("ResponseRankingPolicy")],
    )


def trains_faq(project: Project) -> bool:
    """Whether the pipeline wants the encoder fitted to the FAQ."""
    return any(
        each.name.endswith(RETRIEVER) and each.options.get("train") is True
        for each in project.config.pipeline
    )


CONTEXT = "context"  # of an example's metadata: what may go before it
SENTIMENT = "sentiment"  # of an example's metadata: how its user feels
WEIGHT = "parley_weight"  # of an example's metadata: how much its intent counts


def nlu_hash(project: Project) -> str:
    """Of what the NLU model depends on."""
    felt, weights = (
        [example.metadata.get(name) for example in project.nlu.examples]
        for name in (SENTIMENT, WEIGHT)
    )
    return _hash(
        [_example(e) for e in project.nlu.examples],
        project.nlu.synonyms,
        project.nlu.regexes,
        project.nlu.lookups,
        project.domain.intents,
        project.domain.entities,
        project.config.language,
        project.config.pipeline,
        # So that without any it is as it was before.
        *([felt] if any(felt) else []),
        *([[WEIGHT, weights]] if any(each is not None for each in weights) else []),
    )


def read_hash(project: Project, *, context: bool) -> str:
    """Of what an NLU model depends on that reads contexts, or reads none."""
    if not context:
        return project.nlu_hash
    domain = project.domain
    return _hash(
        project.nlu_hash,
        [msgspec.structs.replace(s, file="", line=0) for s in project.stories],
        [domain.responses, domain.forms, domain.slots],
        [example.metadata.get(CONTEXT) for example in project.nlu.examples],
    )


def core_hash(project: Project) -> str:
    """Of what a policy model depends on."""
    domain = project.domain
    return _hash(
        [msgspec.structs.replace(s, file="", line=0) for s in project.stories],
        [domain.intents, domain.entities, domain.slots],
        sorted([*domain.actions, *domain.forms, *domain.responses]),
        [entry for entry in project.config.policies if entry.name.endswith(LEARNED)],
    )


def _example(example: Example) -> list[Any]:
    return [example.text, example.intent, example.entities]


def _hash(*parts: Any) -> str:
    return sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()
