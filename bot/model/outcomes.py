"""What a server's metrics tell of its turns: how sure the model was, and how they ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bot.dialogue.events import ActionExecuted, ConversationPaused, Event, UserUttered
from bot.dialogue.tracker import AGENT
from bot.model.drifted import DriftFile
from bot.model.rollout import FALLBACKS, Rollouts
from bot.turn import Done
from nlu.fallback import NLU_FALLBACK

MOST_INTENTS = 200  # told apart, and channels; a project may have more, a client may name its own
OTHER = "other"
HANDOFF = "action_human_handoff"
SURE = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)

Held = Callable[[], int]


class Outcomes:
    """Counts turns in ``registry``. ``saw`` is told of each, and takes a few microseconds."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._intents = Counter(
            "parley_intents", "Messages understood, by intent", ("intent",), registry=registry
        )
        self._confidence = Histogram(
            "parley_nlu_confidence",
            "How sure the model was of its intent",
            buckets=SURE,
            registry=registry,
        )
        self._fallbacks = Counter(
            "parley_fallbacks", "Turns that fell back", ("channel",), registry=registry
        )
        self._handoffs = Counter(
            "parley_handoffs", "Turns that called for a person", ("channel",), registry=registry
        )
        self._known: dict[str, set[str]] = {"intent": set(), "channel": set()}

    def saw(self, conversation_id: str, done: Done, outcome: str) -> None:
        """A turn ended as ``outcome``."""
        channel = self._name("channel", done.tracker.latest_input_channel or "unknown")
        for event in done.events:
            if isinstance(event, UserUttered) and _is_read(event):
                self._understood(event)
        if any(map(fell_back, done.events)):
            self._fallbacks.labels(channel).inc()
        if any(map(_calls_a_person, done.events)):
            self._handoffs.labels(channel).inc()

    def _understood(self, event: UserUttered) -> None:
        assert event.parse_data
        self._intents.labels(self._name("intent", event.intent or "none")).inc()
        self._confidence.observe(event.parse_data.intent.confidence)

    def _name(self, kind: str, name: str) -> str:
        known = self._known[kind]
        if name not in known and len(known) >= MOST_INTENTS:
            return OTHER
        known.add(name)
        return name


def fell_back(event: Event) -> bool:
    """Whether ``event`` tells that the bot did not understand, or gave up."""
    if isinstance(event, UserUttered):
        return event.intent == NLU_FALLBACK
    return isinstance(event, ActionExecuted) and event.name in FALLBACKS and event.name != HANDOFF


def _calls_a_person(event: Event) -> bool:
    if isinstance(event, ConversationPaused):
        return AGENT in event.metadata
    return isinstance(event, ActionExecuted) and event.name == HANDOFF


def _is_read(event: UserUttered) -> bool:
    return bool(event.text and event.parse_data) and not str(event.text).startswith("/")


class Watched(Collector):
    """What is held rather than counted: corrections, the trial, the last report's drift.

    Args:
        corrections: How many corrections the model that serves heeds.
        rollouts: What counts the version that is tried, if versions may be.
        drift: Where what the last report found is.
    """

    def __init__(self, corrections: Held, rollouts: Rollouts | None, drift: DriftFile) -> None:
        self._corrections, self._rollouts, self._drift = corrections, rollouts, drift

    def collect(self) -> Sequence[Metric]:
        """Every metric, as it is now."""
        held = GaugeMetricFamily("parley_corrections", "Labels of people's that are heeded")
        held.add_metric([], self._corrections())
        tried = GaugeMetricFamily(
            "parley_rollout",
            "What is counted of the version that is tried: conversations and those that went "
            "wrong, by who answered; texts read in the shadow, by what came of it",
            labels=("arm", "what"),
        )
        ended = CounterMetricFamily("parley_rollouts_ended", "Trials ended as worse")
        if self._rollouts:
            ended.add_metric([], self._rollouts.ended)
            for name, count in self._rollouts.counted().items():
                arm, _, what = name.partition(" ")
                tried.add_metric([arm, what], count)
        return [held, tried, ended, *self._drifted()]

    def _drifted(self) -> Sequence[Metric]:
        labels = ("measure", "part")
        value = GaugeMetricFamily("parley_drift", "Distance from the reference", labels=labels)
        act = GaugeMetricFamily("parley_drift_act", "From where on to act", labels=labels)
        alarms = GaugeMetricFamily("parley_drift_alarms", "Alarms of the last report")
        at = GaugeMetricFamily("parley_report_timestamp_seconds", "When the last report was made")
        if drift := self._drift.latest:
            for moved in drift.moved:
                value.add_metric([moved.measure, moved.part], moved.value)
                act.add_metric([moved.measure, moved.part], moved.act)
            alarms.add_metric([], sum(moved.is_alarm for moved in drift.moved))
            at.add_metric([], drift.at)
        return value, act, alarms, at
