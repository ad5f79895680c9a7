"""Reads the files that make a bot: domain, NLU data, stories and rules."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from bot.dialogue.domain import Domain
from bot.dialogue.stories import Story
from bot.errors import ProjectError
from bot.project.config import KNOWN_KEYS
from bot.project.domain import DOMAIN_KEYS, DomainReader
from bot.project.files import ProjectFiles
from bot.project.mentions import Mentions
from bot.project.names import did_you_mean
from bot.project.nlu import NluReader
from bot.project.node import Node
from bot.project.project import NluData
from bot.project.references import check_references
from bot.project.report import Problem, Report
from bot.project.stories import StoryReader
from bot.project.version import is_read
from bot.project.yaml import read_yaml

DATA_KEYS = ("nlu", "stories", "rules", "responses")


class Content(msgspec.Struct, frozen=True):
    """What the files say, and the warnings about them."""

    domain: Domain
    nlu: NluData
    stories: tuple[Story, ...]
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """The content, and what a closer look at it needs: who mentions what, who defines it where."""

    content: Content
    mentions: Mentions
    domain: DomainReader
    lookup_files: frozenset[str]


def read_content(files: ProjectFiles, texts: dict[str, str], report: Report) -> Reading:
    """Read ``texts``, by file, and compare the names used with those defined."""
    mentions = Mentions()
    domain = DomainReader(report, mentions)
    nlu = NluReader(files.root, report, mentions)
    stories = StoryReader(report, mentions)
    before = len(report.problems)
    for file in files.domain:
        root = read_yaml(texts[file], file, report) if file in texts else None
        if root is not None and root.value is not None:
            with report.going_on():
                root.mapping("a domain file")
                if is_read(root, report):
                    domain.read(root)
    for file in files.data:
        root = read_yaml(texts[file], file, report) if file in texts else None
        if root is not None and root.value is not None:
            with report.going_on():
                _read_data(root, domain, nlu, stories, report)
    complete = Content(domain.domain(), nlu.data(), tuple(stories.stories))
    if domain.raw:
        check_references(mentions, domain, complete.domain, complete.nlu, report)
    elif report.first_error is None:
        report.add("error", _no_domain(files))
    warnings = tuple(p for p in report.problems[before:] if p.severity == "warning")
    return Reading(
        msgspec.structs.replace(complete, warnings=warnings),
        mentions,
        domain,
        frozenset(nlu.lookup_files),
    )


def _read_data(
    root: Node, domain: DomainReader, nlu: NluReader, stories: StoryReader, report: Report
) -> None:
    sections = root.mapping("a data file")
    if not is_read(root, report):
        return
    for key, section in sections.items():
        with report.going_on():
            match key:
                case "nlu":
                    nlu.read(section)
                case "stories":
                    stories.read(section, is_rule=False)
                case "rules":
                    stories.read(section, is_rule=True)
                case "responses":
                    domain.read_responses(section)
                case _ if key not in DOMAIN_KEYS and key not in KNOWN_KEYS:
                    report.warn(
                        root.wrong_key(
                            key,
                            f"a data file has the key '{key}', which is not read.",
                            did_you_mean(key, DATA_KEYS, "Keys"),
                        )
                    )


def _no_domain(files: ProjectFiles) -> ProjectError:
    if files.domain:
        return ProjectError(
            "defines nothing.",
            file=files.domain[0],
            suggestion="Give it intents, responses, or any other part of a domain.",
        )
    return ProjectError(
        "there is no domain.yml and no domain folder.",
        file=str(files.root),
        suggestion="Give the folder of a project, or make one with: parley init FOLDER.",
    )
