"""Labels out to a project's files, and in from files that people labelled elsewhere."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from bot.errors import SettingsError
from bot.project.project import Example, Project
from bot.review import decide
from bot.review.decide import Names
from bot.review.item import Opinion, ReviewItem, new_id
from bot.review.merge import NEW_FILE
from bot.review.store import Filter, Reviews
from nlu.parse import Entity

PAGE = 500
YAML = (".yml", ".yaml")


async def every(reviews: Reviews, wanted: Filter) -> list[ReviewItem]:
    """All items that fit."""
    found: list[ReviewItem] = []
    while page := await reviews.listed(wanted, after=found[-1].id if found else "", limit=PAGE):
        found += page
    return found


def files_of(folder: Path, project: Project) -> dict[str, str]:
    """The YAML files that the project's examples come from, by their paths in it."""
    named = {example.file for example in project.nlu.examples} | {NEW_FILE}
    return {
        name: (folder / name).read_bytes().decode()
        for name in sorted(named)
        if name.endswith(YAML) and (folder / name).is_file()
    }


def difference(folder: Path, files: Mapping[str, str]) -> str:
    """What would change, as a patch."""
    found: list[str] = []
    for name, text in sorted(files.items()):
        path = folder / name
        before = path.read_bytes().decode() if path.is_file() else ""
        found += difflib.unified_diff(
            before.splitlines(keepends=True),
            text.splitlines(keepends=True),
            f"a/{name}" if before else "/dev/null",
            f"b/{name}",
        )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in found)


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Put ``files`` into their places, once all of them are on disk. Raises SettingsError; then
    none was changed, unless the disk fails while they are renamed."""
    drafts: list[tuple[Path, Path]] = []
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.part")
            drafts.append((draft, path))
            with draft.open("wb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
        for draft, path in drafts:
            draft.replace(path)
    except OSError as error:
        raise SettingsError(f"{folder} cannot be written: {error.strerror}.") from error
    finally:
        for draft, _ in drafts:
            with suppress(OSError):
                draft.unlink()


async def take_in(
    reviews: Reviews, examples: Sequence[Example], names: Names, *, reviewer: str, at: float
) -> Mapping[str, int]:
    """Have ``reviewer`` say of each example's sentence what the example says.

    Items with the sentence get the label; a sentence that nobody proposed becomes an item of its
    own. Raises BadRequest for an example that names no intent, or an entity that the project has
    not; then nothing was kept.
    """
    there = await every(reviews, Filter())
    by_text: dict[str, list[ReviewItem]] = {}
    for item in there:
        if item.state != "erased":
            by_text.setdefault(item.text, []).append(item)
    changed, fresh = list[ReviewItem](), list[ReviewItem]()
    for example in examples:
        opinion = _opinion(example, names, reviewer, at)
        found = by_text.get(example.text)
        items = found or [ReviewItem(new_id(), example.text, origin=f"import:{reviewer}")]
        made = [decide.opine(one, decide.checked(opinion, one, names)) for one in items]
        (changed if found else fresh).extend(made)
    latest = {item.id: item for item in changed}
    await reviews.keep(list(latest.values()))
    return {"labelled": len(latest), "new": await reviews.propose(fresh)}


def _opinion(example: Example, names: Names, reviewer: str, at: float) -> Opinion:
    spans = tuple(
        Entity(one.entity, one.value, one.start, one.end, one.role, one.group)
        for one in example.entities
    )
    is_known = example.intent.partition("/")[0] in names.intents
    label = "intent" if is_known else "new_intent"
    return Opinion(label, reviewer, at, example.intent, spans)  # type: ignore[arg-type]


def stale_of(items: Sequence[ReviewItem], names: Names) -> Iterator[str]:
    """Sentences for each intent that labels name and the project does not have (any more)."""
    for intent, found in sorted(decide.stale(items, names).items()):
        why = f"which is no more.{decide.near(intent, names.labels)}"
        if answers := names.answers_of(intent):
            why = f"which has {len(answers)} answers, and not one of these."
        yield f"{len(found)} labels name the intent {intent!r}, {why}"


def to_add(new_intents: Sequence[str]) -> Iterator[str]:
    """What the domain lacks for ``new_intents``, in sentences."""
    bare = [one for one in new_intents if "/" not in one]
    if bare:
        yield f"Add to `intents` of the domain: {', '.join(bare)}."
    if answers := [f"utter_{one}" for one in new_intents if "/" in one]:
        yield f"Add to `responses` of the domain: {', '.join(answers)}."
