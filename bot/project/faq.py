"""Reads FAQ folders: questions and answers in Markdown or CSV.

Markdown: a heading is a question, what stands below it up to the next heading is the answer.
Lines of the form ``- also: …`` directly below the heading are other wordings of the question.
``{#some-id}`` at the end of a heading names the entry; else its question does.
A heading with nothing below it is a title and passed over.

CSV: the columns ``question`` and ``answer``, and ``id`` if one likes. Rows of one id, or without
ids of one answer, are wordings of one entry.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from bot.errors import ProjectError
from bot.project.report import Report, shortened

SUFFIXES = (".md", ".csv")
MOST_ENTRIES = 20_000

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(?P<text>.*?)(?:[ \t]+#+)?[ \t]*")
_ID = re.compile(r"\s*\{#(?P<id>[^{}\s]+)\}$")
_ALSO = re.compile(r"[-*][ \t]+also:[ \t]*(?P<text>.*)", re.IGNORECASE)
_FENCE = re.compile(r" {0,3}(```|~~~)")
_UNFIT = re.compile(r"[^\w]+")


@dataclass(slots=True)
class FaqText:
    """An entry as written; ``line`` counts from 1."""

    id: str
    questions: list[str]
    answer: str
    file: str
    line: int


@dataclass(slots=True)
class _Section:
    """A heading of a Markdown file and the lines below it."""

    heading: str
    line: int
    also: list[str] = field(default_factory=list)
    below: list[str] = field(default_factory=list)


def read_faq(texts: Iterable[tuple[str, str]], report: Report) -> list[FaqText]:
    """The entries of all files, given as name and text; what is wrong goes into ``report``."""
    entries: dict[str, FaqText] = {}
    for file, text in texts:
        with report.going_on():
            read = _markdown(file, text) if file.endswith(".md") else _table(file, text)
            for entry in read:
                with report.going_on():
                    _check(entry, entries)
                    entries[entry.id] = entry
    return list(entries.values())


def _check(entry: FaqText, before: dict[str, FaqText]) -> None:
    if first := before.get(entry.id):
        raise _wrong(
            entry,
            f"there are two FAQ entries '{entry.id}', the first in {first.file}:{first.line}.",
            "Give one of them another name: {#another} behind its heading, or the column id.",
        )
    if len(before) >= MOST_ENTRIES:
        raise _wrong(entry, f"there are more than {MOST_ENTRIES} FAQ entries.")


def _markdown(file: str, text: str) -> Iterator[FaqText]:
    found = [section for section in _sections(text) if "".join(section.below).strip()]
    if not found:
        raise ProjectError(
            "holds no question and answer.",
            file=file,
            suggestion="Write the question as a heading (## How do I …?), the answer below it.",
        )
    for section in found:
        named = _ID.search(section.heading)
        question = _ID.sub("", section.heading).strip()
        answer = "\n".join(section.below).strip()
        id = named["id"] if named else _id_of(question)
        entry = FaqText(id, _once([question, *section.also]), answer, file, section.line)
        if not question or not id or "/" in id:
            raise _wrong(entry, "a heading is no question.", "Write ## How do I …? {#short-name}.")
        yield entry


def _sections(text: str) -> Iterator[_Section]:
    section: _Section | None = None
    fenced = ""
    for number, line in enumerate(text.splitlines(), 1):
        fence = _FENCE.match(line)
        if fence and fenced in ("", fence[1]):
            fenced = "" if fenced else fence[1]
        if not fenced and (heading := _HEADING.fullmatch(line)):
            if section:
                yield section
            section = _Section(heading["text"].strip(), number)
        elif section is None:
            continue
        elif (also := _ALSO.fullmatch(line.strip())) and not "".join(section.below).strip():
            section.also.append(also["text"].strip())
        else:
            section.below.append(line)
    if section:
        yield section


def _table(file: str, text: str) -> Iterator[FaqText]:
    reader = csv.DictReader(io.StringIO(text), strict=True, restkey="")
    try:
        columns = [name.strip().lower() for name in reader.fieldnames or ()]
    except csv.Error as error:
        raise ProjectError(f"is no CSV: {error}.", file=file, line=1) from error
    if missing := [name for name in ("question", "answer") if name not in columns]:
        raise ProjectError(
            f"has no column {' and no column '.join(missing)}.",
            file=file,
            line=1,
            suggestion="Its first line names the columns: question,answer or id,question,answer.",
        )
    reader.fieldnames = columns
    entries: dict[str, FaqText] = {}
    try:
        for row in reader:
            _add_row(row, entries, file, reader.line_num)
    except csv.Error as error:
        raise ProjectError(f"is no CSV: {error}.", file=file, line=reader.line_num) from error
    yield from entries.values()


def _add_row(row: dict[str, str | None], entries: dict[str, FaqText], file: str, line: int) -> None:
    question, answer = (row["question"] or "").strip(), (row["answer"] or "").strip()
    id = (row.get("id") or "").strip()
    if not (question or answer or id):
        return  # an empty line
    key = id or f"answer: {answer}"
    entry = entries.get(key)
    if entry is None:
        entry = FaqText(id or _id_of(question), [], answer, file, line)
    if not question or not (answer or entry.answer) or not entry.id or "/" in entry.id:
        raise _wrong(entry, "a row lacks its question or answer.", "Fill both columns.", line)
    if id and answer and entry.answer != answer:
        raise _wrong(
            entry,
            f"the id '{id}' has another answer in line {entry.line}.",
            "Rows of one id are wordings of one question; leave their answer empty, or repeat it.",
            line,
        )
    entry.questions = _once([*entry.questions, question])
    entries[key] = entry


def _id_of(question: str) -> str:
    """A name made of a question: ``how_long_does_it_take`` for "How long does it take?"."""
    plain = unicodedata.normalize("NFKC", question).lower()
    return _UNFIT.sub("_", plain).strip("_")[:80]


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))


def _wrong(entry: FaqText, message: str, suggestion: str = "", line: int = 0) -> ProjectError:
    return ProjectError(
        shortened(message, 200), file=entry.file, line=line or entry.line, suggestion=suggestion
    )
