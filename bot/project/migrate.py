"""Domains of Rasa 2 as domains of Rasa 3.1.

There a slot was filled by the entity of its name, unless ``auto_fill`` was false, and by the
mappings of the form that asked for it. Both become mappings of the slot, the form's first and with
the condition that the form is active; those of texts and intents only while the slot is asked for,
which is when Rasa 2 looked at them. `rasa data migrate` of Rasa 3.6 does the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from bot.project.node import Node, Scalar
from bot.project.report import Report
from bot.project.version import OLDEST, version_of

VERSION = re.compile(r"""^version\s*:\s*["']?(\d+)""", re.MULTILINE)
FORM_KEYS = ("required_slots", "ignored_intents")
AT_ANY_TIME = ("from_entity", "from_trigger_intent")  # the others: only for the requested slot


@dataclass(slots=True)
class _Old:
    """What the domain files of Rasa 2 say together."""

    entities: set[str] = field(default_factory=set)
    mappings: dict[str, list[tuple[str, Node]]] = field(default_factory=dict)  # form, by slot


def migrated(roots: dict[str, Node], report: Report, *, among_old: bool = False) -> dict[str, Node]:
    """``roots`` by file, those of Rasa 2 rewritten, with a warning for each.

    Args:
        among_old: Whether the project's other files are of Rasa 2: then a domain that does not
            say its version is too.
    """
    old_files = {f: root for f, root in roots.items() if is_old(root, among_old=among_old)}
    old = _Old()
    for root in old_files.values():
        _gather(root, old, report)
    return {
        file: _domain(root, old, report) if file in old_files else root
        for file, root in roots.items()
    }


def are_old(texts: Iterable[str]) -> bool:
    """Whether all files that say their version are of Rasa 2."""
    found = [int(match[1]) for text in texts if (match := VERSION.search(text))]
    return bool(found) and max(found) < OLDEST[0]


def is_old(root: Node, *, among_old: bool = False) -> bool:
    """Whether a domain file is of Rasa 2 or 1: by its version, else by a key gone since."""
    if not isinstance(root.value, dict):
        return False
    if (version := version_of(root)) is not None:
        return version < OLDEST
    slots = root.value.get("slots")
    return "templates" in root.value or (among_old and slots is not None and _lack_mappings(slots))


def _lack_mappings(slots: Node) -> bool:
    found = slots.value.values() if isinstance(slots.value, dict) else ()
    return any(isinstance(each.value, dict) and "mappings" not in each.value for each in found)


def _gather(root: Node, old: _Old, report: Report) -> None:
    keys = root.mapping("a domain file")
    for item in _items(keys.get("entities")):
        old.entities |= {*item.value} if isinstance(item.value, dict) else {item.source}
    for form, node in _forms(keys.get("forms")):
        with report.going_on():
            for slot, mappings in _slots_of(node).items():
                old.mappings.setdefault(slot, []).extend((form, item) for item in _items(mappings))


def _domain(root: Node, old: _Old, report: Report) -> Node:
    keys = dict(root.mapping("a domain file"))
    if "templates" in keys:
        keys["responses"] = keys.pop("templates")
    for section, rewritten in (("slots", _slot), ("forms", _form)):
        node = keys.get(section)
        if node is not None and node.value:
            pairs = _forms(node) if section == "forms" else node.mapping(section).items()
            inner = {name: rewritten(name, each, old) for name, each in pairs}
            keys[section] = replace(node, value=inner, keys=node.keys or {})
    report.warn(
        keys.get("version", root).wrong(
            "the domain is of Rasa 2; its slots are given the mappings that they and their forms "
            "had there.",
            "Write them down with: parley migrate.",
        )
    )
    keys["version"] = _made("3.1", root)
    return replace(root, value=keys)


def _slot(name: str, node: Node, old: _Old) -> Node:
    if not isinstance(node.value, dict) or "mappings" in node.value:
        return node
    keys = dict(node.value)
    filled = keys.pop("auto_fill", None)
    if (kind := keys.get("type")) is not None and kind.source == "unfeaturized":
        keys["type"] = replace(kind, value="any", source="any")
        keys["influence_conversation"] = _made(False, kind)
    mappings = [_conditioned(item, form, name) for form, item in old.mappings.get(name, [])]
    if name in old.entities and (filled is None or filled.value is not False):
        mappings.append(_mapping(node, type="from_entity", entity=name))
    keys["mappings"] = _made(mappings or [_mapping(node, type="custom")], node)
    return replace(node, value=keys)


def _conditioned(item: Node, form: str, slot: str) -> Node:
    if not isinstance(item.value, dict):
        return item
    kind = item.value.get("type")
    condition = {"active_loop": _made(form, item)}
    if kind is None or kind.source not in AT_ANY_TIME:
        condition["requested_slot"] = _made(slot, item)
    conditions = _made([_made(condition, item)], item)
    return replace(item, value={**item.value, "conditions": conditions})


def _form(name: str, node: Node, old: _Old) -> Node:
    if not isinstance(node.value, dict):
        return node
    keys = {key: value for key, value in node.value.items() if key in FORM_KEYS}
    required = keys.get("required_slots")
    if required is None or isinstance(required.value, dict):
        keys["required_slots"] = _made([_made(slot, node) for slot in _slots_of(node)], node)
    return replace(node, value=keys)


def _forms(node: Node | None) -> Iterable[tuple[str, Node]]:
    """Forms by name; they may stand in a list, of names or of one-key mappings."""
    if node is not None and isinstance(node.value, dict):
        yield from node.value.items()
    for item in _items(node):
        if isinstance(item.value, dict):
            yield from item.value.items()
        else:
            yield item.source, _made({}, item)


def _slots_of(form: Node) -> dict[str, Node]:
    """The slots of a form and their mappings, which stood right below the form at first."""
    keys = form.value if isinstance(form.value, dict) else {}
    required = keys.get("required_slots")
    if required is None:
        return {key: node for key, node in keys.items() if key not in FORM_KEYS}
    if isinstance(required.value, dict):
        return required.value
    return {item.source: _made([], item) for item in _items(required)}


def _items(node: Node | None) -> list[Node]:
    return node.value if node is not None and isinstance(node.value, list) else []


def _mapping(like: Node, **keys: str) -> Node:
    return _made({key: _made(value, like) for key, value in keys.items()}, like)


def _made(value: Scalar | list[Node] | dict[str, Node], like: Node) -> Node:
    """A value nobody wrote, at the place it comes from."""
    source = value if isinstance(value, str) else str(value).lower()
    source = "" if isinstance(value, list | dict) else source
    return Node(value, like.file, like.line, like.column, source)
