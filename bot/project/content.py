"""Reads the files that make a bot: domain, NLU data, stories and rules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

import msgspec

from bot.dialogue.domain import Domain
from bot.dialogue.stories import ActionStep, Story
from bot.errors import ProjectError
from bot.project.config import KNOWN_KEYS
from bot.project.domain import DOMAIN_KEYS, DomainReader
from bot.project.faq_folders import read_faqs
from bot.project.files import SUFFIXES, ProjectFiles
from bot.project.formats import is_part, read_json_nlu
from bot.project.json import read_json
from bot.project.mentions import Mentions
from bot.project.migrate import are_old, migrated
from bot.project.names import did_you_mean
from bot.project.nlu import NluReader
from bot.project.node import Node
from bot.project.project import NluData
from bot.project.references import check_references
from bot.project.report import Problem, Report
from bot.project.stories import StoryReader
from bot.project.version import is_read
from bot.project.yaml import read_yaml
from nlu.ranking.entry import FaqEntry

DATA_KEYS = ("nlu", "stories", "rules", "responses")


class Content(msgspec.Struct, frozen=True):
    """What the files say, and the warnings and notes about them."""

    domain: Domain
    nlu: NluData
    stories: tuple[Story, ...]
    warnings: tuple[Problem, ...] = ()
    faq: tuple[FaqEntry, ...] = ()


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
    both = {*files.domain} & {*files.data}
    roots = {
        file: _root(file, texts, report)
        for file in (*files.domain, *(f for f in files.data if f.endswith(SUFFIXES)))
    }
    domains = {file: root for file in files.domain if (root := roots[file]) is not None}
    among_old = are_old(texts[file] for file in files.data if file in texts)
    for file, root in migrated(domains, report, among_old=among_old).items():
        with report.going_on():
            _read_domain(root, domain, report, is_data=file in both)
    for file in files.data:
        if file.endswith(".json"):
            _read_json(file, files, texts, nlu, report)
        elif (data := roots[file]) is not None:
            with report.going_on():
                # Rasa trains on stories that are tests too, and so tests what it has learned.
                not_here: tuple[str, ...] = ("stories", "rules") if files.is_test(file) else ()
                not_here += ("responses",) if file in both else ()
                _read_data(data, domain, nlu, stories, report, elsewhere=not_here)
    faq = read_faqs(files.faqs, texts, domain, report)
    for said in stories.examples:
        nlu.add_example(said.intent, said.text, said.entities, {}, said.node)
    told = tuple(stories.stories)
    complete = Content(_with_told_texts(domain.domain(), told), nlu.data(), told, faq=faq)
    if domain.raw:
        check_references(mentions, domain, complete.domain, complete.nlu, report)
    elif report.first_error is None:
        report.add("error", _no_domain(files))
    warnings = tuple(p for p in report.problems[before:] if p.severity != "error")
    return Reading(
        msgspec.structs.replace(complete, warnings=warnings),
        mentions,
        domain,
        frozenset(nlu.lookup_files),
    )


def _root(file: str, texts: dict[str, str], report: Report) -> Node | None:
    root = read_yaml(texts[file], file, report) if file in texts else None
    return None if root is None or root.value is None else root


def _read_domain(root: Node, domain: DomainReader, report: Report, *, is_data: bool) -> None:
    keys = {*root.mapping("a domain file")}
    if not keys & {*DOMAIN_KEYS} and keys & {*DATA_KEYS, *KNOWN_KEYS} - {"version"}:
        return  # of a folder that holds other files too
    if is_read(root, report):
        domain.read(root, elsewhere=DATA_KEYS if is_data else ())


def _read_json(
    file: str, files: ProjectFiles, texts: dict[str, str], nlu: NluReader, report: Report
) -> None:
    def sibling(name: str) -> Node | None:
        beside = PurePosixPath(file).with_name(name).as_posix()
        return read_json(texts[beside], beside, report) if beside in texts else None

    if file not in texts or is_part(file) or (root := read_json(texts[file], file, report)) is None:
        return
    with report.going_on():
        if read_json_nlu(root, nlu, sibling, files.language) is not None:
            report.note(
                root.wrong(
                    "is NLU data in JSON, a format that is read and no longer written.",
                    "Write it as YAML with: parley convert nlu.",
                )
            )


def _read_data(
    root: Node,
    domain: DomainReader,
    nlu: NluReader,
    stories: StoryReader,
    report: Report,
    *,
    elsewhere: tuple[str, ...] = (),
) -> None:
    """Read the sections of a data file but those ``elsewhere``, which are somebody else's."""
    sections = root.mapping("a data file")
    if not is_read(root, report):
        return
    for key, section in sections.items():
        if key in elsewhere:
            continue
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


def _with_told_texts(domain: Domain, stories: tuple[Story, ...]) -> Domain:
    """The domain with what the bot says in stories: those texts are actions too."""
    steps = (step for story in stories for step in story.steps if isinstance(step, ActionStep))
    texts = [step.bot_text for step in steps if step.bot_text]
    if not texts:
        return domain
    actions = tuple(dict.fromkeys((*domain.e2e_actions, *texts)))
    raw = {**domain.raw, "e2e_actions": list(actions)}
    return msgspec.structs.replace(domain, e2e_actions=actions, raw=raw)


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
