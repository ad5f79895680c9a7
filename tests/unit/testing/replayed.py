"""A bot with rules, a form, custom actions and a tiny model, and conversations held with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.actions.base import ActionAnswer
from bot.dialogue.domain import Domain
from bot.dialogue.events import Event, FollowupAction, SlotSet
from bot.dialogue.messages import Message
from bot.dialogue.tracker import Tracker
from bot.errors import ActionFailed
from bot.model.loading import Live, Shared, open_model
from bot.model.serving import Loaded
from bot.project.load import load_project
from bot.settings import Settings, load_settings
from bot.store import schema
from bot.store.memory import MemoryLeases, MemoryNews, MemoryTrackers
from bot.store.sql import open_log
from bot.turn import take_turn
from nlu.registry import Registry
from tests.unit.nlu.conftest import write_bundle

DOMAIN = """
version: "3.1"
intents: [bye, greet, order, faq]
entities:
  - item
  - city: {roles: [to]}
slots:
  item:
    type: text
    mappings: [{type: from_entity, entity: item}]
  city:
    type: text
    mappings: [{type: from_entity, entity: city, role: to}]
  mood:
    type: text
    influence_conversation: false
    mappings: [{type: custom, action: action_mood}]
forms:
  order_form: {required_slots: [item, city]}
responses:
  utter_greet: [{text: Hello.}, {text: Hi there.}, {text: "Good day, {city}."}]
  utter_ask_item: [{text: What may it be?}]
  utter_ordered: [{text: "{item} to {city} it is.", channel: collector}, {text: never}]
  utter_failed: [{text: Sorry.}]
  utter_action_failed: [{text: That went wrong.}]
  utter_default: [{text: What?}]
  utter_faq/hours: [{text: At six.}]
  utter_faq/price: [{text: A lot.}]
actions: [action_mood, validate_order_form, action_ask_city, action_bye]
"""
CONFIG = """
version: "3.1"
recipe: default.v1
language: en
assistant_id: replayed
pipeline:
  - name: DIETClassifier
  - name: ResponseSelector
  - name: FallbackClassifier
    threshold: 0.3
policies:
  - name: RulePolicy
  - name: MemoizationPolicy
"""
RULES = """
version: "3.1"
rules:
  - rule: greet
    steps: [{intent: greet}, {action: utter_greet}]
  - rule: faq
    steps: [{intent: faq}, {action: utter_faq}]
  - rule: order
    steps: [{intent: order}, {action: order_form}, {active_loop: order_form}]
  - rule: ordered
    condition: [{active_loop: order_form}]
    steps: [{action: order_form}, {active_loop: null}, {action: utter_ordered}]
  - rule: bye
    steps: [{intent: bye}, {action: action_bye}]
"""
NLU = """
version: "3.1"
nlu:
  - {intent: greet, examples: "- hello\\n"}
  - {intent: bye, examples: "- bye\\n"}
  - {intent: order, examples: "- order [tea](item)\\n"}
  - {intent: faq/hours, examples: "- open\\n"}
  - {intent: faq/price, examples: "- price\\n"}
"""
TALKS: dict[str, Sequence[str]] = {
    "ann": ("hello", "open", "order", "green tea", "berlin", "bye", "/greet"),
    "bob": ("order tea", "hello", "new york", "price", "cafe", "bye"),
    "cat": ("cafe cafe", "order", "york", "tea", "/order", "bye bye"),
}


class Server:
    """The action server: validates the form its own way, fails now and then."""

    def __init__(self) -> None:
        self.byes = 0

    async def run(
        self, action: str, tracker: Tracker, domain: Domain, *, call_id: str
    ) -> ActionAnswer:
        events: tuple[Event, ...] = ()
        said: tuple[dict[str, Any], ...] = ()
        match action:
            case "action_mood":
                text = tracker.latest_message.text if tracker.latest_message else None
                events = (
                    (SlotSet(name="mood", value=f"as in {text}"),) if text and "o" in text else ()
                )
            case "validate_order_form":
                item = tracker.slots.get("item")
                if tracker.latest_message and tracker.latest_message.text == "green tea":
                    events, said = (SlotSet(name="item", value="matcha"),), ({"text": "Fine."},)
                elif item:
                    events = (SlotSet(name="item", value=item),)
            case "action_ask_city":
                said = ({"text": "Where to?", "buttons": [{"title": "B", "payload": "/b"}]},)
            case "action_bye":
                self.byes += 1
                if self.byes == 2:
                    raise ActionFailed("it is out of order")
                said = ({"response": "utter_greet"},)
                events = (SlotSet(name="item", value=None), FollowupAction(name="utter_failed"))
        return ActionAnswer(events, said)


def write_project(folder: Path) -> Path:
    """The bot, with models ``v1``, which answers, and ``v2``."""
    (folder / "data").mkdir(parents=True)
    for name, content in (
        ("domain.yml", DOMAIN),
        ("config.yml", CONFIG),
        ("data/rules.yml", RULES),
        ("data/nlu.yml", NLU),
    ):
        (folder / name).write_text(content, "utf-8")
    registry = Registry(folder / "models")
    for version, use in (("v1", True), ("v2", False)):
        with registry.draft() as draft:
            write_bundle(draft, version=version)
            registry.publish(draft, version, use=use)
    return folder


def settings_of(folder: Path) -> Settings:
    return load_settings(project=folder)


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Loaded]:
    """The bot as a server has it, its log in SQL."""
    settings = settings_of(folder)
    schema.upgrade(settings.sql_url)
    project = load_project(folder)
    async with open_log(settings.sql_url) as log:
        live = Live(lambda _: MemoryTrackers(), MemoryLeases(), MemoryNews())
        shared = Shared(project.endpoints, Server(), log, live, settings)
        async with open_model("", shared) as loaded:
            yield loaded


async def say(loaded: Loaded, name: str, text: str) -> None:
    log = loaded.parley.log
    await log.accept(Message(name, text, received=1.0))
    waiting = await log.waiting(name)
    assert waiting
    await take_turn(waiting, loaded.parley)


async def hold(folder: Path) -> None:
    """Hold the conversations, turn by turn in between each other."""
    async with serving(folder) as loaded:
        for at in range(max(map(len, TALKS.values()))):
            for name, texts in TALKS.items():
                if at < len(texts):
                    await say(loaded, name, texts[at])
