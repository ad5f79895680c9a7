"""NLU data read from files of any known format, and written as YAML."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath, PurePosixPath

from bot.errors import ProjectError
from bot.project.formats import is_part, may_be_nlu, read_json_nlu
from bot.project.json import read_json
from bot.project.mentions import Mentions
from bot.project.nlu import NluReader
from bot.project.node import Node
from bot.project.project import NluData
from bot.project.report import Report
from bot.project.version import is_read
from bot.project.yaml import MOST_BYTES, decode, read_text, read_yaml

YAML = (".yml", ".yaml")
MOST_FILES = 10_000  # of a zip


def read_nlu(paths: Iterable[Path], report: Report, language: str = "en") -> NluData:
    """The NLU data of files, folders and zip files; what is something else is passed over.

    A file given by name must be NLU data. Raises ProjectError where it is none, or is not there.
    """
    reader = NluReader(Path(), report, Mentions())
    for path in paths:
        texts = _texts(path)
        known = [_read(file, texts, reader, language) for file in texts if not is_part(file)]
        read = any(known) or path.is_dir() or is_part(path.name)
        if not read and report.first_error is None:
            raise ProjectError(
                "is no NLU data.",
                file=str(path),
                suggestion="Formats: YAML and JSON of Rasa, LUIS 7, wit.ai, Dialogflow.",
            )
    return reader.data()


def _texts(path: Path) -> dict[str, str]:
    """What may be NLU data in ``path``, by name; the files beside a file too."""
    if path.is_dir():
        found = [Path(parent) / name for parent, _, names in os.walk(path) for name in names]
        return {str(file): read_text(file, str(file)) for file in sorted(found) if _is_text(file)}
    if zipfile.is_zipfile(path):
        return dict(_unzipped(path))
    texts = {str(path): read_text(path, str(path))}
    beside = sorted(path.parent.glob("*.json")) if path.suffix == ".json" else []
    return texts | {str(file): read_text(file, str(file)) for file in beside if is_part(file.name)}


def _is_text(path: PurePath) -> bool:
    return path.suffix in (*YAML, ".json") and not path.name.startswith(".")


def _unzipped(path: Path) -> Iterator[tuple[str, str]]:
    left = MOST_BYTES
    with zipfile.ZipFile(path) as archive:
        infos = [info for info in archive.infolist() if _is_text(PurePosixPath(info.filename))]
        if len(infos) > MOST_FILES:
            raise ProjectError(f"holds more than {MOST_FILES} files.", file=str(path))
        for info in sorted(infos, key=lambda info: info.filename):
            with archive.open(info) as file:
                data = file.read(left + 1)
            if (left := left - len(data)) < 0:
                raise ProjectError(
                    f"holds more than {MOST_BYTES // 2**20} MiB.", file=f"{path}/{info.filename}"
                )
            yield f"{path}/{info.filename}", decode(data, f"{path}/{info.filename}")


def _read(file: str, texts: dict[str, str], reader: NluReader, language: str) -> bool:
    """Whether a file was NLU data."""

    def sibling(name: str) -> Node | None:
        beside = str(Path(file).with_name(name))
        return read_json(texts[beside], beside, reader.report) if beside in texts else None

    if file.endswith(YAML):
        root = read_yaml(texts[file], file, reader.report)
        if root is None or not isinstance(root.value, dict):
            return False
        if "nlu" in root.value and is_read(root, reader.report):
            reader.read(root.value["nlu"])
        return True
    if not file.endswith(".json"):
        return False
    if not may_be_nlu(file, texts[file]) and Path(file).name != "package.json":
        return False
    root = read_json(texts[file], file, reader.report)
    return root is not None and read_json_nlu(root, reader, sibling, language) is not None
