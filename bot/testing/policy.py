"""What every policy must do, whatever it decides by."""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec
import pytest

from bot.dialogue.domain import Domain
from bot.dialogue.events import ActionExecuted, Event, SessionStarted, SlotSet, UserUttered
from bot.dialogue.policy import LISTEN, Policy
from bot.dialogue.tracker import Tracker
from nlu.parse import Entity, Intent, Parse


def user(text: str, intent: str | None = None, *entities: Entity) -> UserUttered:
    """What a user said, understood as ``intent``."""
    return UserUttered(text=text, parse_data=Parse(text, Intent(intent, 1.0), entities))


def session(*events: Event) -> list[Event]:
    """``events`` after the start of a session."""
    start: list[Event] = [
        ActionExecuted(name="action_session_start"),
        SessionStarted(),
        ActionExecuted(name=LISTEN),
    ]
    return [*start, *events]


class PolicyContract:
    """Inherit, and give the fixtures ``policy`` and ``domain`` (what the policy was built with)."""

    @pytest.fixture
    def policy(self) -> Policy:
        """The policy under test."""
        raise NotImplementedError

    @pytest.fixture
    def domain(self) -> Domain:
        """The domain it was built with."""
        raise NotImplementedError

    @pytest.fixture
    def trackers(self, domain: Domain) -> list[Tracker]:
        """Conversations of every length, with words nobody foresaw."""
        return list(_conversations(domain))

    def test_it_has_a_name_and_a_priority(self, policy: Policy) -> None:
        assert policy.name
        assert isinstance(policy.priority, int)

    def test_it_answers_any_conversation_with_a_confidence_from_0_to_1(
        self, policy: Policy, domain: Domain, trackers: list[Tracker]
    ) -> None:
        for tracker in trackers:
            prediction = policy.predict(tracker, domain)
            assert prediction.action
            assert 0.0 <= prediction.confidence <= 1.0
            assert not math.isnan(prediction.confidence)

    def test_its_predictions_carry_its_name_and_priority(
        self, policy: Policy, domain: Domain, trackers: list[Tracker]
    ) -> None:
        for tracker in trackers:
            prediction = policy.predict(tracker, domain)
            assert (prediction.policy, prediction.priority) == (policy.name, policy.priority)

    def test_the_action_it_names_is_the_one_it_scores_highest(
        self, policy: Policy, domain: Domain, trackers: list[Tracker]
    ) -> None:
        for tracker in trackers:
            prediction = policy.predict(tracker, domain)
            if prediction.scores:
                assert max(prediction.scores.values()) == prediction.confidence
                assert prediction.scores[prediction.action] == prediction.confidence

    def test_it_decides_the_same_again_and_leaves_the_tracker_as_it_was(
        self, policy: Policy, domain: Domain, trackers: list[Tracker]
    ) -> None:
        for tracker in trackers:
            before = msgspec.msgpack.encode(tracker)
            assert policy.predict(tracker, domain) == policy.predict(tracker, domain)
            assert msgspec.msgpack.encode(tracker) == before

    def test_a_tracker_that_was_stored_and_read_is_decided_alike(
        self, policy: Policy, domain: Domain, trackers: list[Tracker]
    ) -> None:
        for tracker in trackers:
            read = msgspec.msgpack.decode(msgspec.msgpack.encode(tracker), type=Tracker)
            assert policy.predict(read, domain) == policy.predict(tracker, domain)


def _conversations(domain: Domain) -> Iterator[Tracker]:
    tracker = Tracker.start("contract", domain)
    yield tracker
    strange = Entity("no such entity", {"nested": ["value"]}, 0, 3)
    intents = [None, "no such intent", *domain.intents]
    slots = (SlotSet(name=name, value="some value") for name in domain.slots)
    said = [user(f"words {number}", intent, strange) for number, intent in enumerate(intents)]
    for event in session(*slots):
        tracker = tracker.apply(event)
        yield tracker
    for event in said:
        tracker = tracker.apply(event)
        yield tracker
        tracker = tracker.apply(ActionExecuted(name="no such action"))
        yield tracker
        tracker = tracker.apply(ActionExecuted(name=LISTEN))
