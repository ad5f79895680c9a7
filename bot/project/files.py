"""Which files make a project."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bot.errors import ProjectError
from bot.project.config import imported_paths, imports_projects
from bot.project.faq_folders import FaqFolder, faq_folders
from bot.project.formats import may_be_nlu
from bot.project.node import Node
from bot.project.paths import ProjectPaths, found, name_of
from bot.project.report import Report
from bot.project.yaml import MOST_BYTES, read_text, read_yaml

SUFFIXES = (".yml", ".yaml")
OWN_FILES = frozenset(f"{name}.yml" for name in ("config", "endpoints", "credentials", "domain"))
TESTS = "test_"  # how the names of files begin whose stories are tests
HAS_DATA = re.compile(r"^(?:nlu|stories|rules)\s*:", re.MULTILINE)
MARKDOWN_DATA = re.compile(r"^## (?:intent|synonym|regex|lookup):|^## .*\n\* ", re.MULTILINE)


@dataclass(slots=True)
class ProjectFiles:
    """Names of files, from ``root`` where they are in it, in the order they are read."""

    root: Path
    paths: ProjectPaths = field(default_factory=ProjectPaths)
    config: Node | None = None
    domain: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    faqs: list[FaqFolder] = field(default_factory=list)

    def is_test(self, file: str) -> bool:
        """Whether the stories of ``file`` are tests: by its name, unless it was given itself."""
        name = Path(file).name
        return name.startswith(TESTS) and name not in {path.name for path in self.paths.data}

    @property
    def language(self) -> str:
        """The one config.yml names; data in several languages is read in this one."""
        keys = self.config.value if self.config else None
        node = keys.get("language") if isinstance(keys, dict) else None
        return str(node.value) if node is not None and node.value else "en"

    def text(self, file: str) -> str:
        """The text of one of the files."""
        return read_text(self.root / file, file)

    def optional(self, name: str, report: Report) -> Node | None:
        """The root of ``<name>.yml`` or ``<name>.yaml``, None when there is no such file."""
        given: Path | None = getattr(self.paths, name)
        if given is None:
            return self.beside(Path(), name, report)
        with report.going_on():
            path = found(self.root, given, f"{name} file")
            return self._root_of(name_of(self.root, path), report)
        return None

    def beside(self, folder: Path, name: str, report: Report) -> Node | None:
        """The same in a folder of the project, wherever the project's own may be."""
        for suffix in SUFFIXES:
            if (self.root / folder / f"{name}{suffix}").is_file():
                return self._root_of((folder / f"{name}{suffix}").as_posix(), report)
        return None

    def _root_of(self, file: str, report: Report) -> Node | None:
        with report.going_on():
            return read_yaml(self.text(file), file, report)
        return None


def find_files(root: Path, report: Report, paths: ProjectPaths | None = None) -> ProjectFiles:
    """The files of the project at ``root`` and of those its config.yml imports."""
    _must_be_a_folder(root)
    files = ProjectFiles(root, paths or ProjectPaths())
    files.config = files.optional("config", report)
    folders = [Path()]
    with report.going_on():
        if imports_projects(files.config, report):
            _add_imports(files, Path(), files.config, folders, report)
    try:
        for folder in folders:
            files.domain += _domain_files(files, folder, report)
            files.data += _data_files(files, folder, report)
    except OSError as error:
        raise ProjectError(f"cannot be listed: {error.strerror}.", file=str(root)) from error
    files.domain = list(dict.fromkeys(files.domain))
    files.data = sorted(set(files.data))
    files.faqs = faq_folders(root, files.config, report)
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
            inner = files.beside(imported, "config", report)
            _add_imports(files, imported, inner, folders, report)


def _domain_files(files: ProjectFiles, folder: Path, report: Report) -> list[str]:
    root = files.root
    if files.paths.domain is not None and folder == Path():
        given = found(root, files.paths.domain, "domain file or folder")
        return list(_below(root, given)) if given.is_dir() else [name_of(root, given)]
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
    return list(_below(root, root / folder / "domain"))


def _data_files(files: ProjectFiles, folder: Path, report: Report) -> Iterator[str]:
    root = files.root
    if files.paths.data and folder == Path():
        for path in files.paths.data:
            given = found(root, path, "data file or folder")
            if given.is_dir():
                yield from _data_below(root, given, report)
            else:
                yield name_of(root, given)
    elif (root / folder / "data").is_dir():
        yield from _data_below(root, root / folder / "data", report)
    else:
        yield from _data_beside_config(root, folder)


def _data_below(root: Path, folder: Path, report: Report) -> Iterator[str]:
    """Data files at any depth: YAML, and the JSON that other tools write."""
    for file in _below(root, folder, (*SUFFIXES, ".json", ".md")):
        path = root / file
        if file.endswith(SUFFIXES) or (file.endswith(".json") and _is_nlu_json(path)):
            yield file
        elif file.endswith(".md") and MARKDOWN_DATA.search(_beginning(path)):
            report.warn(
                ProjectError(
                    "is training data in Markdown, which Rasa 3 does not read and Parley neither.",
                    file=file,
                    suggestion="Convert it to YAML with `rasa data convert` of Rasa 2.8.",
                )
            )


def _is_nlu_json(path: Path) -> bool:
    try:
        small = path.is_file() and path.stat().st_size <= MOST_BYTES
        return small and may_be_nlu(path.name, path.read_text("utf-8", "replace"))
    except OSError:
        return False


def _beginning(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(65_536).decode("utf-8", "replace")
    except OSError:
        return ""


def _data_beside_config(root: Path, folder: Path) -> Iterator[str]:
    for path in sorted((root / folder).iterdir()):
        # Files beside config.yml may be anything (compose.yaml, for one).
        candidate = path.suffix in SUFFIXES and path.name not in OWN_FILES and path.is_file()
        if candidate and HAS_DATA.search(path.read_text("utf-8", "replace")):
            yield (folder / path.name).as_posix()


def _below(root: Path, folder: Path, suffixes: tuple[str, ...] = SUFFIXES) -> Iterator[str]:
    """Files at any depth, in the order of their paths; hidden ones are passed over."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            name_of(root, Path(parent) / name)
            for name in names
            if name.endswith(suffixes) and not name.startswith(".")
        ]
    yield from sorted(found)
