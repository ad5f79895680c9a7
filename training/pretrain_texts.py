"""Texts to learn a language from: plain ones, NLU data, JSON lines, whole folders of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bot.errors import ProjectError
from bot.project.convert import read_nlu
from bot.project.report import Report

PLAIN = (".txt", ".md")
LINES = (".jsonl", ".ndjson")
NLU = (".yml", ".yaml", ".json")
NAMES = ("text", "content", "question", "answer")  # of an object's values that are texts
LONGEST = 2000  # characters; a longer text becomes several
_SENTENCE = re.compile(r"(?<=[.!?…\u3002\uff01\uff1f\uff1b\n])\s*")


def read_texts(
    paths: Sequence[Path], *, report: Callable[[str], None] = lambda line: None
) -> list[str]:
    """Every text of ``paths`` once, in order.

    Of a folder, files of other kinds are passed over. Raises ProjectError where a path is missing
    or cannot be read, or where there is no text at all.
    """
    found: dict[str, None] = {}
    for path in paths:
        if not path.exists():
            raise ProjectError("there is no such file or folder.", file=str(path))
        before = len(found)
        for file in _files(path):
            for text in _read(file, named=file == path):
                found.update(dict.fromkeys(_pieces(text)))
        report(f"{path}: {len(found) - before} texts")
    if not found:
        raise ProjectError(
            f"no text was found in {', '.join(map(str, paths))}.",
            suggestion=f"Files of texts: {', '.join((*PLAIN, *LINES, *NLU))}.",
        )
    return list(found)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file())


def _read(file: Path, *, named: bool) -> Iterable[str]:
    """The texts of ``file``; one that is not ``named`` may be of no kind that is known."""
    match file.suffix.lower():
        case suffix if suffix in PLAIN:
            return _utf8(file).splitlines()
        case suffix if suffix in LINES:
            return _json_lines(file)
        case suffix if suffix in NLU:
            return _nlu(file, named=named)
        case _ if named:
            return _utf8(file).splitlines()
        case _:
            return ()


def _utf8(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        line = file.read_bytes()[: error.start].count(b"\n") + 1
        raise ProjectError("is not UTF-8 text here.", file=str(file), line=line) from error
    except OSError as error:
        raise ProjectError(f"cannot be read ({error.strerror}).", file=str(file)) from error


def _nlu(file: Path, *, named: bool) -> list[str]:
    report = Report()
    try:
        data = read_nlu([file], report)
        report.raise_first_error()
    except ProjectError:
        if named:
            raise
        return []  # of a project's folder: its domain, its stories
    return [example.text for example in data.examples]


def _json_lines(file: Path) -> Iterator[str]:
    for number, line in enumerate(_utf8(file).splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield from _texts_in(msgspec.json.decode(line))
        except (msgspec.DecodeError, RecursionError) as error:
            raise ProjectError(f"is no JSON: {error}", file=str(file), line=number) from error


def _texts_in(value: Any) -> Iterator[str]:
    """The texts of a JSON value: itself, of a list each, of an object those with a known name."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _texts_in(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name in NAMES or isinstance(each, list | dict):
                yield from _texts_in(each)


def _pieces(text: str) -> Iterator[str]:
    """``text`` without blanks around it, cut at ends of sentences where it is very long."""
    text = text.strip()
    if len(text) <= LONGEST:
        if text:
            yield text
        return
    held = ""
    for sentence in _SENTENCE.split(text):
        if held and len(held) + len(sentence) > LONGEST:
            yield held
            held = ""
        held = f"{held} {sentence}".strip() if held else sentence
        while len(held) > LONGEST:
            yield held[:LONGEST]
            held = held[LONGEST:].strip()
    if held:
        yield held
