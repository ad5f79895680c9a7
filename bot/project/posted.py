"""A project that is posted: all its parts in one text become the files of a folder."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from bot.errors import ProjectError
from bot.project.node import Node
from bot.project.report import Report
from bot.project.yaml import read_yaml

CONFIG = ("recipe", "language", "assistant_id", "pipeline", "policies", "importers")
DOMAIN = (
    *("intents", "entities", "slots", "responses", "actions", "forms", "e2e_actions"),
    *("session_config", "config"),
)
DATA = ("nlu", "stories", "rules")
ANYWHERE = "version"
FILES: Mapping[str, tuple[str, ...]] = {
    "config.yml": CONFIG,
    "domain.yml": (*DOMAIN, ANYWHERE),
    "data/training.yml": (*DATA, ANYWHERE),
}
OLDER = {  # as Rasa 1 and 2 took them: each part a text within JSON
    "config": "config.yml",
    "domain": "domain.yml",
    **{part: f"data/{part}.yml" for part in (*DATA, "responses")},
}
OLDER_OPTIONS = ("force", "save_to_default_model_directory")
BODY = "the body"
NO_DOMAIN = "session_config: {session_expiration_time: 60}\n"  # of a project that is NLU data alone
_KEY = re.compile(r"""["']?(\w+)["']?\s*:(?:\s|$)""")


def write_posted(text: str, folder: Path) -> None:
    """Write the parts of ``text`` into the empty ``folder``. Raises ProjectError.

    Where parts stand as blocks, as a rule, what is wrong in a file is found in the same line of
    ``text``.
    """
    parts = _parts(text)
    if _is_older(parts):
        files = {OLDER[key]: node.text(key) for key, node in parts.items() if key in OLDER}
    else:
        _check(parts)
        files = {name: _part_of(text, parts, keys) for name, keys in FILES.items()}
    if not parts.keys() & {"domain", *DOMAIN}:
        files["domain.yml"] = NO_DOMAIN
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")


def _parts(text: str) -> dict[str, Node]:
    report = Report()
    root = read_yaml(text, BODY, report)
    report.raise_first_error()
    if root is None or root.value is None:
        raise ProjectError("holds nothing to train on.", file=BODY)
    return root.mapping(BODY)


def _check(parts: Mapping[str, Node]) -> None:
    known = [*CONFIG, *DOMAIN, *DATA, ANYWHERE]
    for key, node in parts.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            meant = f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(known)}."
            raise node.wrong(f"there is no part '{key[:80]}' of a project.", meant)


def _part_of(text: str, parts: Mapping[str, Node], keys: Iterable[str]) -> str:
    """What ``text`` says under ``keys``, its lines where they were."""
    lines, here = [], False
    for line in text.splitlines():
        if match := _KEY.match(line):
            here = match[1] in keys
        lines.append(line if here else "")
    blocks = {match[1] for line in text.splitlines() if (match := _KEY.match(line))}
    if parts.keys() <= blocks:
        return "\n".join(lines) + "\n"
    return json.dumps({key: parts[key].plain() for key in keys if key in parts})


def _is_older(parts: Mapping[str, Node]) -> bool:
    """Whether each part is a text of its own, as in the JSON of Rasa 1 and 2."""
    texts = [node.value for key, node in parts.items() if key not in OLDER_OPTIONS]
    known = parts.keys() <= {*OLDER, *OLDER_OPTIONS}
    return known and bool(texts) and all(isinstance(text, str) for text in texts)
