"""A prediction becomes events: what was decided, done and said, or why it could not be done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog

from bot.actions.builtin import run_action, session_start
from bot.actions.extraction import extract_slots
from bot.actions.fallback import NAME as TWO_STAGE
from bot.actions.stage import Stage
from bot.dialogue.events import (
    ActionExecuted,
    ActionExecutionRejected,
    BotUttered,
    Event,
    UserUtteranceReverted,
    UserUttered,
)
from bot.dialogue.policy import LISTEN, Prediction
from bot.dialogue.responses import DATA_KEYS
from bot.dialogue.tracker import SESSION_START, Tracker
from bot.errors import ActionFailed, ActionRejected
from bot.services import Services

APOLOGY = "Sorry, something went wrong on our side. Please try again in a moment."

log = structlog.get_logger(__name__)


async def act(
    prediction: Prediction, tracker: Tracker, parley: Services, *, channel: str, call_id: str
) -> list[Event]:
    """Do what ``prediction`` says.

    Args:
        channel: The output channel, which response variations are matched with.
        call_id: Names this step of the turn; the action server can recognise a repeated call.

    A failure is recorded in the action's event and the user is told.
    """
    stage = Stage(
        parley.bot.domain, parley.actions, parley.random, channel, call_id, parley.wording
    )
    before = tracker.apply_all(prediction.events)
    try:
        done = await run_action(prediction.action, before, stage)
        _bounded(prediction.action, done, parley)
    except ActionRejected as refusal:
        log.info("action.rejected", action=prediction.action, reason=str(refusal))
        return [_rejected(prediction, {})]
    except ActionFailed as failure:
        log.error("action.failed", action=prediction.action, error=str(failure))
        return [*prediction.events, *await _failed(prediction, before, failure, stage)]
    if any(isinstance(event, ActionExecutionRejected) for event in done):
        return done  # the action itself says that it did not run
    events = [*prediction.events, _action_event(prediction, {}), *done]
    if any(isinstance(event, UserUttered) for event in done):
        # An action may let the user say something; then it fills slots like any message.
        events = _heard(tracker, events)
        events += await extract_slots(tracker.apply_all(events), stage)
    return events


def _bounded(action: str, events: Sequence[Event], parley: Services) -> None:
    """Raises ActionFailed for more events, or more buttons of a reply, than the settings allow."""
    if 0 < parley.most_events < len(events):
        raise ActionFailed(
            f"Action {action!r} gave {len(events)} events; at most {parley.most_events} are taken "
            "(PARLEY_MAX_ACTION_EVENTS)."
        )
    for event in events:
        said = event.data or {} if isinstance(event, BotUttered) else {}
        buttons = max(_length(said.get("buttons")), _length(said.get("quick_replies")))
        if 0 < parley.most_buttons < buttons:
            raise ActionFailed(
                f"Action {action!r} gave a reply of {buttons} buttons; at most "
                f"{parley.most_buttons} are taken (PARLEY_MAX_BUTTONS)."
            )


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list | tuple) else 0


def _heard(tracker: Tracker, events: Sequence[Event]) -> list[Event]:
    """``events``, with the bot listening before every message, as policies know it."""
    heard: list[Event] = []
    for event in events:
        spoken = [event]
        if isinstance(event, UserUttered) and tracker.latest_action_name != LISTEN:
            spoken = [ActionExecuted(name=LISTEN), event]
        tracker = tracker.apply_all(spoken)
        heard += spoken
    return heard


def _action_event(prediction: Prediction, metadata: dict[str, Any]) -> ActionExecuted:
    return ActionExecuted(
        name=prediction.action,
        policy=prediction.policy or None,
        confidence=prediction.confidence,
        hide_rule_turn=prediction.hide_rule_turn,
        metadata=metadata,
    )


def _rejected(prediction: Prediction, metadata: dict[str, Any]) -> ActionExecutionRejected:
    return ActionExecutionRejected(
        name=prediction.action,
        policy=prediction.policy or None,
        confidence=prediction.confidence,
        metadata=metadata,
    )


async def _failed(
    prediction: Prediction, tracker: Tracker, failure: ActionFailed, stage: Stage
) -> list[Event]:
    """What is left of an action that failed: its event with the reason, and an apology.

    A loop that failed did not run: the message is taken back, so that its question stays open
    and no rule takes it for finished. A session starts all the same, as it does by default.
    """
    reason = {"error": str(failure)}
    if prediction.action == SESSION_START:
        return [_action_event(prediction, reason), *session_start(tracker, stage)]
    if prediction.action in stage.domain.forms or prediction.action == TWO_STAGE:
        rejected = _rejected(prediction, reason)
        return [rejected, *await _apology(tracker, stage), UserUtteranceReverted()]
    return [_action_event(prediction, reason), *await _apology(tracker, stage)]


async def _apology(tracker: Tracker, stage: Stage) -> list[Event]:
    for name in ("utter_action_failed", "utter_default"):
        if name in stage.domain.responses and (said := await stage.say(name, tracker)):
            return said
    return [BotUttered(text=APOLOGY, data=dict.fromkeys(DATA_KEYS))]
