"""The FAQ folders that config.yml names, and their entries as responses of the domain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bot.errors import ProjectError
from bot.project.domain import DomainReader
from bot.project.faq import SUFFIXES, FaqText, read_faq
from bot.project.node import Node
from bot.project.report import Report
from nlu.ranking.entry import RETRIEVER, FaqEntry

INTENT = "faq"


@dataclass(frozen=True, slots=True)
class FaqFolder:
    """The files of a folder, in their order, and the intent that its questions have."""

    intent: str
    files: tuple[str, ...]

    def key(self, texts: Mapping[str, str]) -> Iterator[str]:
        """What its entries depend on."""
        yield self.intent
        for file in self.files:
            yield file
            yield texts.get(file, "")


def faq_folders(root: Path, config: Node | None, report: Report) -> list[FaqFolder]:
    """The folder of each component of the pipeline that answers from one."""
    keys = config.value if config is not None else None
    pipeline = keys.get("pipeline") if isinstance(keys, dict) else None
    items = pipeline.value if pipeline is not None else None
    found: dict[str, FaqFolder] = {}
    for item in items if isinstance(items, list) else ():
        with report.going_on():
            folder = _folder(root, item)
            if folder and folder.intent in found:
                raise item.wrong(
                    f"two FAQ folders have the intent '{folder.intent}'.",
                    "Give one of them another retrieval_intent, or put the files together.",
                )
            if folder:
                found[folder.intent] = folder
    return list(found.values())


def read_faqs(
    folders: Sequence[FaqFolder], texts: Mapping[str, str], domain: DomainReader, report: Report
) -> tuple[FaqEntry, ...]:
    """The entries of all folders; each answer becomes a response, each intent is one."""
    entries: list[FaqEntry] = []
    for folder in folders:
        read = read_faq(((file, texts[file]) for file in folder.files if file in texts), report)
        if read and folder.intent not in domain.intents:
            first = read[0]
            intent = Node(folder.intent, first.file, first.line, 1, source=folder.intent)
            domain.read(_mapping(first, intents=Node([intent], first.file, first.line, 1)))
        for entry in read:
            response = _mapping(entry, **{f"utter_{folder.intent}/{entry.id}": _variation(entry)})
            domain.read_responses(response)
            name = f"{folder.intent}/{entry.id}"
            entries.append(FaqEntry(name, tuple(entry.questions), entry.answer))
    return tuple(entries)


def _folder(root: Path, item: Node) -> FaqFolder | None:
    options = item.value if isinstance(item.value, dict) else {}
    named = options.get("name", item)
    if not isinstance(named.value, str) or named.value.rpartition(".")[2] != RETRIEVER:
        return None
    if "folder" not in options:
        raise item.wrong(f"{RETRIEVER} has no folder.", "Add folder: faq, where the files are.")
    name = options["folder"].name(f"folder of {RETRIEVER}")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise options["folder"].wrong(f"the folder '{name}' is outside the project.")
    intent = options.get("retrieval_intent")
    return FaqFolder(
        INTENT if intent is None or intent.value is None else intent.name("retrieval_intent"),
        tuple(_files(root, path, options["folder"])),
    )


def _files(root: Path, folder: PurePosixPath, node: Node) -> list[str]:
    if not (root / folder).is_dir():
        raise node.wrong(f"there is no folder '{folder}'.", "It stands beside config.yml.")
    try:
        found = sorted(
            path.relative_to(root).as_posix()
            for path in (root / folder).rglob("*")
            if path.suffix in SUFFIXES and path.is_file() and not path.name.startswith(".")
        )
    except OSError as error:
        raise ProjectError(f"cannot be listed: {error.strerror}.", file=str(folder)) from error
    if not found:
        raise node.wrong(f"the folder '{folder}' has no file ending in {' or '.join(SUFFIXES)}.")
    return found


def _mapping(entry: FaqText, **values: Node) -> Node:
    return Node(values, entry.file, entry.line, 1, keys=dict.fromkeys(values, (entry.line, 1)))


def _variation(entry: FaqText) -> Node:
    text = Node(entry.answer, entry.file, entry.line, 1, source=entry.answer)
    return Node([_mapping(entry, text=text)], entry.file, entry.line, 1)
