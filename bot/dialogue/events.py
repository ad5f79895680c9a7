"""The events a conversation is made of, encoded as Rasa 3 writes them.

A union tagged by the JSON key ``event``. Field names and tags are those of Rasa Open Source
3.6 (its documentation, "Events" page). ``timestamp`` is in seconds since the epoch and None
until the turn stamps it; nothing in this package reads a clock.
"""

from __future__ import annotations

from typing import Any

import msgspec

from nlu.parse import Entity, Parse


class _Event(msgspec.Struct, frozen=True, tag_field="event", kw_only=True, gc=False):
    timestamp: float | None = None
    metadata: dict[str, Any] = {}


class UserUttered(_Event, frozen=True, tag="user"):
    text: str | None = None
    parse_data: Parse | None = None
    input_channel: str | None = None
    message_id: str | None = None

    @property
    def intent(self) -> str | None:
        """The name of the intent, None when there is none."""
        return self.parse_data.intent.name if self.parse_data else None

    @property
    def entities(self) -> tuple[Entity, ...]:
        """What NLU found, in order."""
        return self.parse_data.entities if self.parse_data else ()


class BotUttered(_Event, frozen=True, tag="bot"):
    text: str | None = None
    data: dict[str, Any] = {}


class ActionExecuted(_Event, frozen=True, tag="action"):
    name: str | None = None
    policy: str | None = None
    confidence: float | None = None
    action_text: str | None = None
    hide_rule_turn: bool = False


class SlotSet(_Event, frozen=True, tag="slot"):
    name: str
    value: Any = None


class ActiveLoop(_Event, frozen=True, tag="active_loop"):
    name: str | None = None


class LegacyForm(_Event, frozen=True, tag="form"):
    name: str | None = None


class LoopInterrupted(_Event, frozen=True, tag="loop_interrupted"):
    is_interrupted: bool = False


class LegacyFormValidation(_Event, frozen=True, tag="form_validation"):
    validate: bool = True


class ActionExecutionRejected(_Event, frozen=True, tag="action_execution_rejected"):
    name: str
    policy: str | None = None
    confidence: float | None = None


class UserFeaturization(_Event, frozen=True, tag="user_featurization"):
    use_text_for_featurization: bool | None = None


class EntitiesAdded(_Event, frozen=True, tag="entities"):
    entities: tuple[Entity, ...] = ()


class Restarted(_Event, frozen=True, tag="restart"):
    pass


class UserUtteranceReverted(_Event, frozen=True, tag="rewind"):
    pass


class ActionReverted(_Event, frozen=True, tag="undo"):
    pass


class AllSlotsReset(_Event, frozen=True, tag="reset_slots"):
    pass


class ConversationPaused(_Event, frozen=True, tag="pause"):
    pass


class ConversationResumed(_Event, frozen=True, tag="resume"):
    pass


class SessionStarted(_Event, frozen=True, tag="session_started"):
    pass


class SessionEnded(_Event, frozen=True, tag="session_ended"):
    pass


class StoryExported(_Event, frozen=True, tag="export"):
    pass


class FollowupAction(_Event, frozen=True, tag="followup"):
    name: str | None = None


class ReminderScheduled(_Event, frozen=True, tag="reminder"):
    intent: str
    date_time: str  # ISO 8601
    entities: list[dict[str, Any]] | dict[str, Any] | None = None
    name: str | None = None
    kill_on_user_msg: bool = False


class ReminderCancelled(_Event, frozen=True, tag="cancel_reminder"):
    name: str | None = None
    intent: str | None = None
    entities: list[dict[str, Any]] | dict[str, Any] | None = None


class AgentUttered(_Event, frozen=True, tag="agent"):
    text: str | None = None
    data: dict[str, Any] | None = None


Event = (
    UserUttered
    | BotUttered
    | ActionExecuted
    | SlotSet
    | ActiveLoop
    | LegacyForm
    | LoopInterrupted
    | LegacyFormValidation
    | ActionExecutionRejected
    | UserFeaturization
    | EntitiesAdded
    | Restarted
    | UserUtteranceReverted
    | ActionReverted
    | AllSlotsReset
    | ConversationPaused
    | ConversationResumed
    | SessionStarted
    | SessionEnded
    | StoryExported
    | FollowupAction
    | ReminderScheduled
    | ReminderCancelled
    | AgentUttered
)
