"""What a policy is, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from bot.dialogue.domain import Domain
from bot.dialogue.events import Event
from bot.dialogue.states import LISTEN as LISTEN
from bot.dialogue.tracker import Tracker


@dataclass(frozen=True, slots=True)
class Prediction:
    """The next action, how sure, and who says so.

    ``scores`` are the confidences of the actions the policy thought of (others are 0).
    ``events`` are always logged, ``optional_events`` only if this prediction wins.
    ``is_no_user`` and ``is_end_to_end`` rank before confidence (Rasa's ensemble).
    ``is_fallback`` says that the policy knows of nothing to do.
    """

    action: str
    confidence: float
    policy: str
    priority: int = 0
    scores: Mapping[str, float] | None = None
    events: tuple[Event, ...] = ()
    optional_events: tuple[Event, ...] = ()
    is_end_to_end: bool = False
    is_no_user: bool = False
    is_fallback: bool = False
    hide_rule_turn: bool = False


def as_sure_as_nlu(prediction: Prediction, tracker: Tracker) -> Prediction:
    """``prediction``, where it is certain, as sure as NLU was of the intent it follows from."""
    parse = tracker.latest_message.parse_data if tracker.latest_message else None
    if prediction.confidence < 1.0 or parse is None:
        return prediction
    sure = parse.intent.confidence
    return replace(prediction, confidence=sure, scores={prediction.action: sure})


class Policy(Protocol):
    """Proposes the next action from the conversation so far. Pure."""

    name: str
    priority: int

    def predict(self, tracker: Tracker, domain: Domain) -> Prediction:
        """The proposal for ``tracker``; confidence 0 when there is none."""
        ...
