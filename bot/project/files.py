"""Which files make a project."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bot.errors import ProjectError
from bot.project.config import imported_paths
from bot.project.node import Node
from bot.project.report import Report
from bot.project.yaml import read_text, read_yaml

SUFFIXES = (".yml", ".yaml")
OWN_FILES = frozenset(f"{name}.yml" for name in ("config", "endpoints", "credentials", "domain"))
HAS_DATA = re.compile(r"^(?:nlu|stories|rules)\s*:", re.MULTILINE)


@dataclass(slots=True)
class ProjectFiles:
    """Paths relative to ``root``, in the order they are read."""

    root: Path
    config: Node | None = None
    domain: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)

    def text(self, file: str) -> str:
        """The text of one of the files."""
        return read_text(self.root / file, file)

    def optional(self, name: str, report: Report) -> Node | None:
        """The root of ``<name>.yml`` or ``<name>.yaml``, None when there is no such file."""
        for suffix in SUFFIXES:
            if (self.root / f"{name}{suffix}").is_file():
                with report.going_on():
                    return read_yaml(self.text(f"{name}{suffix}"), f"{name}{suffix}", report)
        return None


def find_files(root: Path, report: Report) -> ProjectFiles:
    """The files of the project at ``root`` and of those its config.yml imports."""
    _must_be_a_folder(root)
    files = ProjectFiles(root)
    files.config = files.optional("config", report)
    folders = [Path()]
    with report.going_on():
        _add_imports(files, Path(), files.config, folders, report)
    try:
        for folder in folders:
            files.domain += _domain_files(root, folder, report)
            files.data += _data_files(root, folder)
    except OSError as error:
        raise ProjectError(f"cannot be listed: {error.strerror}.", file=str(root)) from error
    files.data = sorted(set(files.data) - set(files.domain))
    return files


def _must_be_a_folder(root: Path) -> None:
    try:
        if root.is_dir():
            return
        exists = root.exists()
    except OSError as error:
        raise ProjectError(f"cannot be read: {error.strerror or error}.", file=str(root)) from error
    if exists:
        raise ProjectError(
            "is not a folder.", file=str(root), suggestion="Give the folder that holds config.yml."
        )
    raise ProjectError(
        "there is no such folder.",
        file=str(root),
        suggestion="Give the folder of a project, or make one with: parley init FOLDER.",
    )


def _add_imports(
    files: ProjectFiles, folder: Path, config: Node | None, folders: list[Path], report: Report
) -> None:
    for node in imported_paths(config):
        imported = Path(os.path.normpath(folder / node.name("an import")))
        if imported.is_absolute() or ".." in imported.parts:
            raise node.wrong(f"imports '{imported}', which is outside the project.")
        if not (files.root / imported).is_dir():
            raise node.wrong(f"imports '{imported}', which is not a folder of the project.")
        if imported not in folders:
            folders.append(imported)
            inner = ProjectFiles(files.root / imported).optional("config", report)
            _add_imports(files, imported, inner, folders, report)


def _domain_files(root: Path, folder: Path, report: Report) -> list[str]:
    for name in ("domain.yml", "domain.yaml"):
        if (root / folder / name).is_file():
            if (root / folder / "domain").is_dir():
                report.warn(
                    ProjectError(
                        f"the folder beside {name} is not read.",
                        file=(folder / "domain").as_posix(),
                        suggestion=f"Move {name} into it.",
                    )
                )
            return [(folder / name).as_posix()]
    return list(_yaml_below(root, folder / "domain"))


def _data_files(root: Path, folder: Path) -> Iterator[str]:
    if (root / folder / "data").is_dir():
        yield from (f for f in _yaml_below(root, folder / "data") if not _is_test(f))
        return
    for path in sorted((root / folder).iterdir()):
        # Files beside config.yml may be anything (compose.yaml, for one).
        if path.suffix in SUFFIXES and path.name not in OWN_FILES and path.is_file():
            file = (folder / path.name).as_posix()
            if not _is_test(file) and HAS_DATA.search(path.read_text("utf-8", "replace")):
                yield file


def _is_test(file: str) -> bool:
    path = Path(file)
    return path.name.startswith("test_") or "tests" in path.parts[:-1]


def _yaml_below(root: Path, folder: Path) -> Iterator[str]:
    """YAML files at any depth, in the order of their paths; hidden ones are passed over."""
    found = []
    for parent, folders, names in os.walk(root / folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            (Path(parent) / name).relative_to(root).as_posix()
            for name in names
            if name.endswith(SUFFIXES) and not name.startswith(".")
        ]
    yield from sorted(found)
