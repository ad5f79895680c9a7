"""Reads a domain, from one file or merged from many."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from bot.dialogue.domain import (
    REQUESTED_SLOT,
    Domain,
    EntitySpec,
    Form,
    IntentSpec,
    SessionConfig,
    Slot,
    Variation,
)
from bot.project.forms import read_form
from bot.project.mentions import Mentions
from bot.project.names import did_you_mean
from bot.project.node import Node
from bot.project.report import Report
from bot.project.responses import read_responses
from bot.project.slots import read_slot

DOMAIN_KEYS = (
    "intents",
    "entities",
    "slots",
    "responses",
    "forms",
    "actions",
    "e2e_actions",
    "session_config",
)
OTHER_KEYS = ("version", "config")
KNOWLEDGE_BASE_ACTION = "action_query_knowledge_base"
KNOWLEDGE_BASE_SLOTS = (
    "knowledge_base_listed_objects",
    "knowledge_base_last_object",
    "knowledge_base_last_object_type",
)
DEFAULT_SESSION = {"session_expiration_time": 60, "carry_over_slots_to_new_session": True}


@dataclass(slots=True)
class DomainReader:
    """Merges domain files: of two things with one name, the first one read counts."""

    report: Report
    mentions: Mentions
    intents: dict[str, IntentSpec] = field(default_factory=dict)
    entities: dict[str, EntitySpec] = field(default_factory=dict)
    slots: dict[str, Slot] = field(default_factory=dict)
    responses: dict[str, tuple[Variation, ...]] = field(default_factory=dict)
    forms: dict[str, Form] = field(default_factory=dict)
    actions: dict[str, bool] = field(default_factory=dict)  # name: wants the domain
    e2e_actions: dict[str, None] = field(default_factory=dict)
    session: SessionConfig = field(default_factory=SessionConfig)
    stores_entities: bool = True
    places: dict[tuple[str, str], Node] = field(default_factory=dict)  # by section and name
    values: dict[tuple[str, str], Any] = field(default_factory=dict)  # by section and name
    raw: dict[str, Any] = field(default_factory=dict)

    def domain(self) -> Domain:
        """Everything merged, with the automatic slots."""
        raw = {"version": "3.1", **self.raw}
        if "intents" in raw:
            raw["intents"] = sorted(raw["intents"], key=_name_of)
        raw.setdefault("session_config", dict(DEFAULT_SESSION))
        return Domain(
            intents=self.intents,
            entities=self.entities,
            slots={**self.slots, **self._automatic_slots()},
            responses=self.responses,
            forms=self.forms,
            actions=tuple(self.actions),
            send_domain=frozenset(name for name, sent in self.actions.items() if sent),
            e2e_actions=tuple(self.e2e_actions),
            session=self.session,
            stores_entities=self.stores_entities,
            raw=raw,
        )

    def named(self, section: str) -> set[str]:
        """The names under ``section``, those whose definition is wrong included."""
        return {name for where, name in self.places if where == section}

    def read(self, root: Node, *, elsewhere: Collection[str] = ()) -> None:
        """Merge a domain file; its keys ``elsewhere`` are read by somebody else."""
        sections = root.mapping("a domain file")
        for key in sections:
            if key not in (*DOMAIN_KEYS, *OTHER_KEYS, *elsewhere):
                self.report.warn(
                    root.wrong_key(
                        key,
                        f"a domain file has the key '{key}', which is not read.",
                        did_you_mean(key, DOMAIN_KEYS),
                    )
                )
        readers: dict[str, Callable[[Node], None]] = {
            "intents": self._read_intents,
            "entities": self._read_entities,
            "actions": self._read_actions,
            "e2e_actions": self._read_e2e_actions,
            "slots": self._read_slots,
            "forms": self._read_forms,
            "responses": self.read_responses,
            "session_config": self._read_session,
            "config": self._read_config,
        }
        for key, section in sections.items():
            if key in readers and section.value is not None:
                with self.report.going_on():
                    readers[key](section)

    def read_responses(self, section: Node) -> None:
        """Merge a ``responses:`` section, of a domain file or a data file."""
        kept = self.raw.setdefault("responses", {})
        for name, node, variations in read_responses(section, self.report, self.mentions):
            if self._is_first("responses", name, node, section):
                self.responses[name] = variations
                kept[name] = node.plain()

    def _is_first(self, section: str, name: str, node: Node, parent: Node) -> bool:
        """Whether nothing of this name was read before; says so otherwise."""
        line, column = (parent.keys or {}).get(name, (node.line, node.column))
        place = Node(None, node.file, line, column)
        if (section, name) not in self.places:
            self.places[section, name] = place
            self.values[section, name] = node.plain()
            return True
        first = self.places[section, name]
        same_file = first.file == node.file
        where = f"line {first.line}" if same_file else f"{first.file}:{first.line}"
        message = f"'{name}' stands twice under {section}; first in {where}."
        if same_file:
            self.report.add("error", place.wrong(message, "Rename or remove one."))
        elif self.values[section, name] != node.plain():
            self.report.warn(place.wrong(message, "The first one counts."))
        return False

    def _read_intents(self, section: Node) -> None:
        kept = self.raw.setdefault("intents", [])
        for item in section.sequence("intents"):
            with self.report.going_on():
                name, options = _named(item, "an intent")
                if self._is_first("intents", name, item, section):
                    kept.append(item.plain())
                    self.intents[name] = IntentSpec(
                        name=name,
                        use_entities=self._use_entities(name, options),
                        ignore_entities=self._entities_of(name, options.get("ignore_entities")),
                    )

    def _use_entities(self, intent: str, options: dict[str, Node]) -> tuple[str, ...] | None:
        node = options.get("use_entities")
        if node is None or node.value is None or node.value is True:
            return None
        return () if node.value is False else self._entities_of(intent, node)

    def _entities_of(self, intent: str, node: Node | None) -> tuple[str, ...]:
        if node is None or node.value is None:
            return ()
        by = f"the intent '{intent}'"
        return tuple(self.mentions.add("entity", n, by) for n in node.names(f"an entity of {by}"))

    def _read_entities(self, section: Node) -> None:
        kept = self.raw.setdefault("entities", [])
        for item in section.sequence("entities"):
            with self.report.going_on():
                name, options = _named(item, "an entity")
                if self._is_first("entities", name, item, section):
                    kept.append(item.plain())
                    influence = options.get("influence_conversation")
                    self.entities[name] = EntitySpec(
                        name=name,
                        roles=_texts(options.get("roles"), f"a role of '{name}'"),
                        groups=_texts(options.get("groups"), f"a group of '{name}'"),
                        influence_conversation=influence.truth("influence_conversation")
                        if influence
                        else True,
                    )

    def _read_actions(self, section: Node) -> None:
        kept = self.raw.setdefault("actions", [])
        for item in section.sequence("actions"):
            with self.report.going_on():
                name, options = _named(item, "an action")
                sent = options.get("send_domain")
                wants = sent.truth(f"send_domain of '{name}'") if sent else False
                if self._is_first("actions", name, item, section):
                    self.actions[name] = wants
                    kept.append(item.plain())

    def _read_e2e_actions(self, section: Node) -> None:
        kept = self.raw.setdefault("e2e_actions", [])
        for item in section.sequence("e2e_actions"):
            text = item.name("an item of e2e_actions")
            if text not in self.e2e_actions:
                self.e2e_actions[text] = None
                kept.append(text)

    def _read_slots(self, section: Node) -> None:
        kept = self.raw.setdefault("slots", {})
        for name, node in section.mapping("slots").items():
            with self.report.going_on():
                if self._is_first("slots", name, node, section):
                    kept[name] = node.plain()
                    self.slots[name] = read_slot(name, node, self.report, self.mentions)

    def _read_forms(self, section: Node) -> None:
        kept = self.raw.setdefault("forms", {})
        for name, node in section.mapping("forms").items():
            with self.report.going_on():
                if self._is_first("forms", name, node, section):
                    kept[name] = node.plain()
                    self.forms[name] = read_form(name, node, self.mentions)

    def _read_session(self, section: Node) -> None:
        keys = section.mapping("session_config")
        minutes, carry = (keys.get(key) for key in DEFAULT_SESSION)
        for key in keys:
            if key not in DEFAULT_SESSION:
                self.report.warn(
                    section.wrong_key(
                        key,
                        f"session_config has the key '{key}', which is not read.",
                        did_you_mean(key, DEFAULT_SESSION, "Keys"),
                    )
                )
        session = SessionConfig(
            minutes.number("session_expiration_time") if minutes else 60.0,
            carry.truth("carry_over_slots_to_new_session") if carry else True,
        )
        if session.expiration_minutes < 0:
            raise section.wrong("session_expiration_time is negative.", "0 switches sessions off.")
        # A default configuration gives way to one that somebody chose, whichever comes first.
        if "session_config" not in self.raw or self.session == SessionConfig():
            self.session = session
            self.raw["session_config"] = {**DEFAULT_SESSION, **section.plain()}

    def _read_config(self, section: Node) -> None:
        keys = section.mapping("the config of a domain")
        for key in keys:
            if key != "store_entities_as_slots":
                self.report.warn(
                    section.wrong_key(key, f"the config of a domain has the key '{key}'.")
                )
        if "store_entities_as_slots" in keys:
            self.stores_entities = keys["store_entities_as_slots"].truth("store_entities_as_slots")

    def _automatic_slots(self) -> dict[str, Slot]:
        slots = {}
        if self.forms:
            slots[REQUESTED_SLOT] = Slot(REQUESTED_SLOT, "text", influence_conversation=False)
        names = ["session_started_metadata"]
        if KNOWLEDGE_BASE_ACTION in self.actions:
            names += KNOWLEDGE_BASE_SLOTS
        slots |= {name: Slot(name, "any", influence_conversation=False) for name in names}
        return {name: slot for name, slot in slots.items() if name not in self.slots}


def _name_of(intent: Any) -> str:
    return str(next(iter(intent), "")) if isinstance(intent, dict) else str(intent)


def _named(item: Node, what: str) -> tuple[str, dict[str, Node]]:
    """The name and options of ``name`` or ``name: {options}``."""
    if not isinstance(item.value, dict):
        return item.name(f"the name of {what}"), {}
    if len(item.value) != 1:
        raise item.wrong(
            f"{what} must be one name, or one name with its options below it, "
            f"not {len(item.value)} keys.",
            "Indent the options below the name.",
        )
    name, options = next(iter(item.value.items()))
    return name, {} if options.value is None else options.mapping(f"the options of '{name}'")


def _texts(node: Node | None, what: str) -> tuple[str, ...]:
    if node is None or node.value is None:
        return ()
    return tuple(n.name(what) for n in node.names(what))
