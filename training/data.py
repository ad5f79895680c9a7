"""Files of labelled sentences, with or without a project around them."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from bot.errors import ProjectError
from bot.project.convert import read_nlu
from bot.project.project import NluData
from bot.project.report import Report


class DataFile(msgspec.Struct, frozen=True):
    """What was read, and how much is in it."""

    file: str
    sha256: str
    examples: int
    intents: int
    entities: int  # annotated spans
    kinds: int  # of entities


@dataclass(frozen=True, slots=True)
class Data:
    """A file of labelled sentences."""

    file: Path
    nlu: NluData

    def described(self) -> DataFile:
        """Its name, hash and sizes."""
        examples = self.nlu.examples
        spans = [entity for example in examples for entity in example.entities]
        return DataFile(
            file=self.file.name,
            sha256=_hash(self.file),
            examples=len(examples),
            intents=len({example.intent for example in examples}),
            entities=len(spans),
            kinds=len({span.entity for span in spans}),
        )


def read_data(path: Path) -> Data:
    """The NLU data of a file or folder, in any format that is read. Raises ProjectError."""
    if not path.exists():
        raise ProjectError(
            "there is no such file.", file=str(path), suggestion="Give a file of NLU data."
        )
    report = Report()
    data = Data(path, read_nlu([path], report))
    report.raise_first_error()
    if not data.nlu.examples:
        raise ProjectError("there are no examples under 'nlu'.", file=str(path))
    return data


def _hash(path: Path) -> str:
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    digest = sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
