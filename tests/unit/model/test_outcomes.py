"""What the metrics tell of turns, and the rules and the dashboard that read them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from ruamel.yaml import YAML

from bot.dialogue.domain import Domain
from bot.dialogue.events import ActionExecuted, ConversationPaused, Event, UserUttered
from bot.dialogue.tracker import Tracker
from bot.model import outcomes
from bot.model.drifted import Drift, DriftFile, Moved
from bot.model.outcomes import Outcomes, Watched
from bot.stopwatch import Stopwatch
from bot.telemetry import Metrics
from bot.turn import Done
from nlu.parse import Intent, Parse

DOCS = Path(__file__).parents[3] / "docs"
RULES = DOCS / "monitoring" / "alerts.yml"
DASHBOARD = DOCS / "monitoring" / "dashboard.json"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def said(text: str, intent: str, confidence: float = 0.8) -> UserUttered:
    return UserUttered(
        text=text, input_channel="web", parse_data=Parse(text, Intent(intent, confidence))
    )


def turn(*events: Event) -> Done:
    heard = UserUttered(text="x", input_channel="web")
    tracker = Tracker.start("ada", Domain()).apply_all([heard, *events])
    return Done(tracker, events, (), 1, Stopwatch())


def drift_of(moved: Sequence[Moved] = ()) -> DriftFile:
    file = DriftFile(Path("nowhere"))
    file.latest = Drift(7.0, tuple(moved))
    return file


def test_turns_are_counted_by_what_came_of_them(registry):
    seen = Outcomes(registry)
    seen.saw("ada", turn(said("hello", "greet"), ActionExecuted(name="utter_greet")), "done")
    seen.saw("ada", turn(said("hm", "nlu_fallback", 0.3)), "done")
    seen.saw(
        "ada", turn(said("/help", "help"), ActionExecuted(name="action_default_fallback")), "done"
    )
    seen.saw("ada", turn(ActionExecuted(name="action_human_handoff")), "done")
    seen.saw("ada", turn(ConversationPaused(metadata={"agent": "bo"})), "done")
    web = {"channel": "web"}
    assert registry.get_sample_value("parley_fallbacks_total", web) == 2
    assert registry.get_sample_value("parley_handoffs_total", web) == 2
    assert registry.get_sample_value("parley_intents_total", {"intent": "greet"}) == 1
    assert registry.get_sample_value("parley_intents_total", {"intent": "help"}) is None
    assert registry.get_sample_value("parley_nlu_confidence_count") == 2
    assert registry.get_sample_value("parley_nlu_confidence_bucket", {"le": "0.3"}) == 1


def test_intents_are_bounded_in_number(registry, monkeypatch):
    monkeypatch.setattr(outcomes, "MOST_INTENTS", 2)
    seen = Outcomes(registry)
    for name in ("a", "b", "c", "d", "a"):
        seen.saw("ada", turn(said("x", name)), "done")
    counted = {n: registry.get_sample_value("parley_intents_total", {"intent": n}) for n in "abcd"}
    assert counted == {"a": 2, "b": 1, "c": None, "d": None}
    assert registry.get_sample_value("parley_intents_total", {"intent": "other"}) == 2


def test_what_is_held_is_told_as_it_is(registry):
    rollouts: Any = SimpleNamespace(ended=1, counted=lambda: {"candidate bad": 3, "shadow same": 9})
    moved = (Moved("words", "all", 0.3, 0.2, is_alarm=True), Moved("scope", "all", 0.01, 0.1))
    registry.register(Watched(lambda: 12, rollouts, drift_of(moved)))
    value = registry.get_sample_value
    assert value("parley_corrections") == 12
    assert value("parley_rollout", {"arm": "candidate", "what": "bad"}) == 3
    assert value("parley_rollouts_ended_total") == 1
    assert value("parley_drift", {"measure": "words", "part": "all"}) == 0.3
    assert value("parley_drift_act", {"measure": "scope", "part": "all"}) == 0.1
    assert value("parley_drift_alarms") == 1
    assert value("parley_report_timestamp_seconds") == 7


def test_without_a_report_or_a_trial_nothing_is_said_of_them(registry):
    registry.register(Watched(lambda: 0, None, DriftFile(Path("nowhere"))))
    told = generate_latest(registry).decode()
    assert "\nparley_corrections 0.0" in told
    assert "\nparley_drift" not in told
    assert "\nparley_rollout" not in told


@pytest.fixture(scope="module")
def names() -> set[str]:
    """Every sample that a server can tell."""
    metrics = Metrics()
    Outcomes(metrics.registry)
    metrics.registry.register(Watched(lambda: 0, None, drift_of()))
    found: set[str] = set()
    for family in metrics.registry.collect():
        ends = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
        found |= {family.name + end for end in ends.get(family.type, ("",))}
    return found


def expressions() -> dict[str, str]:
    """Of the rules and the panels, by their names."""
    rules = YAML(typ="safe").load(RULES)["groups"][0]["rules"]
    panels = json.loads(DASHBOARD.read_text())["panels"]
    told = {rule["alert"]: rule["expr"] for rule in rules}
    return told | {f"{p['title']}/{t['refId']}": t["expr"] for p in panels for t in p["targets"]}


@pytest.mark.parametrize("name", expressions())
def test_a_rule_reads_only_what_is_there(name, names):
    expression = expressions()[name]
    used = set(re.findall(r"parley_[a-z_]+", expression))
    assert used
    assert used <= names
    assert expression.count("(") == expression.count(")")


def test_every_rule_says_what_to_do_and_every_panel_has_its_place():
    rules = YAML(typ="safe").load(RULES)["groups"][0]["rules"]
    assert all({"summary", "description"} <= rule["annotations"].keys() for rule in rules)
    assert len({rule["alert"] for rule in rules}) == len(rules)
    places = [
        (p["gridPos"]["x"], p["gridPos"]["y"]) for p in json.loads(DASHBOARD.read_text())["panels"]
    ]
    assert len(set(places)) == len(places)


def test_the_page_names_every_metric(names):
    page = (DOCS / "operations.md").read_text("utf-8")
    bare = {re.sub(r"_(bucket|count|sum)$", "", name) for name in names}
    assert {name for name in bare if f"`{name}`" not in page} == set()
