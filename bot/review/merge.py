"""Labels merged back into a project's NLU files, line by line: what is not touched stays as it is,
comments and spaces too, so that the difference is easy to read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.project.markup import write_markup
from bot.project.nlu_yaml import nlu_yaml, quoted, scalar
from bot.project.project import Example, ExampleEntity, NluData
from bot.review.decide import Names
from bot.review.item import Opinion, ReviewItem

NEW_FILE = "data/nlu/review.yml"  # of intents that no file can take
_DASH = re.compile(r"^(\s*)- ")
_BLOCK = re.compile(r"^\s*(?:- )?examples:\s*[|>]")
_KEYED = re.compile(r"^\s*- text:")


@dataclass
class Merged:
    """What becomes of files, by their paths in the project; and what was left out, in sentences."""

    files: dict[str, str] = field(default_factory=dict)
    added: int = 0
    moved: int = 0
    new_intents: tuple[str, ...] = ()
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Change:
    """``example`` is added; ``instead`` is taken out."""

    example: Example
    instead: Example | None = None


def merge(
    items: Iterable[ReviewItem],
    data: NluData,
    names: Names,
    files: Mapping[str, str],
    *,
    outside: str = "out_of_scope",
) -> Merged:
    """What people decided, in the project's files; the same for the same decisions in any order.

    Args:
        files: The YAML files that examples come from, by path.
        outside: The project's intent for what is out of scope, where it has it.

    An example goes behind the last one of its intent. One whose label was wrong moves. Weak labels
    are left out.
    """
    merged = Merged(dict(files))
    changes = _changes(items, data, names, outside, merged)
    changes.sort(key=lambda one: (one.example.intent, one.example.text))
    places = _places(data, files)
    fresh: list[Example] = []
    edits: dict[str, _Edits] = defaultdict(_Edits)
    for change in changes:
        place = places.get(change.example.intent)
        if place is None:
            fresh.append(change.example)
        else:
            edits[place.file].after[place.line].append(change.example)
        if change.instead is not None:
            merged.moved += 1
            edits[change.instead.file].without.add(change.instead.line)
        else:
            merged.added += 1
    for file, edit in edits.items():
        merged.files[file] = edit.made(merged.files[file])
    if fresh:
        before = merged.files.get(NEW_FILE)
        merged.files[NEW_FILE] = _appended(before, fresh)
    known = {one.intent for one in data.examples} | names.intents
    merged.new_intents = tuple(sorted({one.intent for one in fresh} - known))
    merged.files = {name: text for name, text in merged.files.items() if files.get(name) != text}
    return merged


def _changes(
    items: Iterable[ReviewItem], data: NluData, names: Names, outside: str, merged: Merged
) -> list[_Change]:
    known: dict[str, Example] = {one.text: one for one in reversed(data.examples)}
    found: dict[str, _Change] = {}
    for item in sorted(items, key=lambda one: one.id):
        decision = item.decision
        if decision is None or decision.kind == "weak" or item.state == "erased":
            continue
        intent = decision.intent
        if decision.label == "out_of_scope":
            intent = outside if outside in names.intents else None
        elif decision.label == "intent" and not names.knows(str(intent)):
            has = "several answers for" if names.answers_of(str(intent)) else "no intent"
            more = "" if names.answers_of(str(intent)) else " any more"
            why = f"the project has {has} {intent!r}{more}"
            merged.left_out.append(f"{item.text!r}: {why}")
            continue
        if intent is None:
            merged.left_out.append(f"{item.text!r}: the project has no intent {outside!r}")
            continue
        example = _example(item, decision, intent)
        there = known.get(example.text)
        if there is not None and there.intent == intent:
            continue
        if there is not None and item.labelled != there.intent:
            place = f"{there.file}:{there.line}"
            merged.left_out.append(f"{item.text!r}: {place} has it as {there.intent!r}")
            continue
        other = found.get(example.text)
        if other is not None and other.example.intent != intent:
            merged.left_out.append(f"{item.text!r}: decided as {other.example.intent!r} too")
            continue
        found[example.text] = _Change(example, there)
    return list(found.values())


def _example(item: ReviewItem, decision: Opinion, intent: str) -> Example:
    # An example stands on one line; each white space stays one character, so spans stay right.
    text = re.sub(r"\s", " ", item.text)
    spans = tuple(
        ExampleEntity(one.start, one.end, one.entity, str(one.value), one.role, one.group)
        for one in decision.entities
    )
    return Example(text, intent, spans)


def _places(data: NluData, files: Mapping[str, str]) -> dict[str, Example]:
    """The last example of each intent, in the file that has most of it."""
    per_file: dict[tuple[str, str], list[Example]] = defaultdict(list)
    for example in data.examples:
        if example.file in files:
            per_file[example.intent, example.file].append(example)
    found: dict[str, Example] = {}
    sizes: dict[str, int] = {}
    for (intent, _), examples in per_file.items():
        if len(examples) > sizes.get(intent, 0):
            sizes[intent] = len(examples)
            found[intent] = max(examples, key=lambda one: one.line)
    return found


@dataclass
class _Edits:
    """Of one file: what comes after examples, by the lines these begin on; what is taken out."""

    after: dict[int, list[Example]] = field(default_factory=lambda: defaultdict(list))
    without: set[int] = field(default_factory=set)

    def made(self, text: str) -> str:
        lines = text.splitlines(keepends=True)
        out: list[str] = []
        at = 1
        while at <= len(lines):
            end = _end(lines, at) if at in self.after or at in self.without else at + 1
            if at not in self.without:
                out += lines[at - 1 : end - 1]
            for example in self.after.get(at, ()):
                if out and not out[-1].endswith("\n"):
                    out[-1] += "\n"
                out.append(_written(example, lines, at))
            at = end
        return "".join(out)


def _end(lines: Sequence[str], at: int) -> int:
    """The line after the item that begins on line ``at``: what stands deeper belongs to it."""
    dash = _DASH.match(lines[at - 1])
    depth = len(dash[1]) if dash else 0
    end = at + 1
    while end <= len(lines):
        line = lines[end - 1]
        if not line.strip() or len(line) - len(line.lstrip(" ")) <= depth:
            break
        end += 1
    return end


def _written(example: Example, lines: Sequence[str], at: int) -> str:
    """``example`` as its neighbour on line ``at`` is written."""
    neighbour = lines[at - 1]
    dash = _DASH.match(neighbour)
    indent = dash[1] if dash else ""
    marked = write_markup(example.text, example.entities)
    newline = "\r\n" if neighbour.endswith("\r\n") else "\n"
    if _is_block(lines, at):
        return f"{indent}- {marked}{newline}"
    key = "text: " if _KEYED.match(neighbour) else ""
    return f"{indent}- {key}{quoted(marked) if key else scalar(marked)}{newline}"


def _is_block(lines: Sequence[str], at: int) -> bool:
    """Whether the example on line ``at`` is one of a block of text, not of a list."""
    for line in reversed(lines[: at - 1]):
        if "examples:" in line:
            return bool(_BLOCK.match(line))
    return True


def _appended(before: str | None, fresh: Sequence[Example]) -> str:
    written = nlu_yaml(NluData(tuple(fresh)))
    if before is None:
        return written
    items = written.partition("nlu:\n")[2]
    return f"{before.rstrip()}\n{items}"
