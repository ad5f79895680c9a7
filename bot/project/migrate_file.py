"""Writes the domain files of Rasa 2 as files of Rasa 3.1, comments and order kept."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from bot.errors import ProjectError
from bot.project.files import find_files
from bot.project.migrate import are_old, is_old, migrated
from bot.project.node import Node
from bot.project.paths import ProjectPaths
from bot.project.report import Report
from bot.project.yaml import read_yaml

KEPT = ".rasa2"  # behind a file's name: what stood in it before


def migrate_project(root: Path, paths: ProjectPaths, out: Path | None = None) -> list[Path]:
    """Write the project's old domain files anew; gives the files written.

    Without ``out``, a folder, they are replaced, and kept beside it under another name. Raises
    ProjectError for what cannot be read.
    """
    report = Report()
    files = find_files(root, report, paths)
    texts = {file: files.text(file) for file in files.domain}
    roots = {file: read_yaml(text, file, report) for file, text in texts.items()}
    report.raise_first_error()
    read = {file: node for file, node in roots.items() if node is not None}
    among_old = are_old(files.text(file) for file in files.data)
    new = migrated(read, report, among_old=among_old)
    report.raise_first_error()
    written = []
    for file, node in read.items():
        if is_old(node, among_old=among_old):
            target = out / Path(file).name if out else files.root / file
            _write(target, migrated_text(texts[file], new[file]), texts[file], keep=out is None)
            written.append(target)
    return written


def migrated_text(text: str, new: Node) -> str:
    """``text`` with what ``new`` says, and nothing else changed."""
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 10_000
    try:
        document = yaml.load(text)
    except YAMLError as error:
        raise ProjectError(f"cannot be rewritten: {error}.", file=new.file) from error
    keys = new.mapping("a domain file")
    if "templates" in document:
        place = list(document).index("templates")
        document.insert(place, "responses", document.pop("templates"))
    for section in ("slots", "forms"):
        if section in keys:
            _merge(document, section, keys[section].plain())
    if "version" in document:
        document["version"] = DoubleQuotedScalarString("3.1")
    else:
        document.insert(0, "version", DoubleQuotedScalarString("3.1"))
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def _merge(document: Any, section: str, new: Any) -> None:
    """Put in what differs; the rest keeps its comments."""
    old = document[section]
    if not isinstance(old, dict) or not isinstance(new, dict):
        document[section] = new
        return
    for name, value in new.items():
        if old.get(name) != value:
            old[name] = value


def _write(target: Path, text: str, before: str, *, keep: bool) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if keep:
            target.with_name(target.name + KEPT).write_text(before, "utf-8")
        target.write_text(text, "utf-8")
    except OSError as error:
        raise ProjectError(
            f"cannot be written: {error.strerror or error}.", file=str(target)
        ) from error
