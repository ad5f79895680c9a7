"""Rasa's default actions, and how a name becomes an action."""

from __future__ import annotations

import structlog

from bot.actions import fallback
from bot.actions.loops import run_form
from bot.actions.stage import Stage
from bot.dialogue.domain import DEFAULT_ACTIONS, REQUESTED_SLOT
from bot.dialogue.events import (
    ActionExecuted,
    ActiveLoop,
    BotUttered,
    Event,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUtteranceReverted,
)
from bot.dialogue.responses import is_retrieval, retrieved, utterance
from bot.dialogue.states import LISTEN
from bot.dialogue.tracker import Tracker

log = structlog.get_logger(__name__)


async def run_action(name: str, tracker: Tracker, stage: Stage) -> list[Event]:
    """What doing ``name`` adds to the conversation, the action's own event aside.

    A project overrides a default action, a form or a response's action by listing it.
    Raises ActionRejected and ActionFailed.
    """
    domain = stage.domain
    if name in DEFAULT_ACTIONS and not stage.lists(name):
        return await _default(name, tracker, stage)
    if name.startswith("utter_"):
        return await _utter(name, tracker, stage)
    if name in domain.forms and not stage.lists(name):
        return await run_form(domain.forms[name], tracker, stage, run_action)
    if name in domain.e2e_actions and not stage.lists(name):
        return [BotUttered(text=name)]
    return await stage.ask(name, tracker)


async def _default(name: str, tracker: Tracker, stage: Stage) -> list[Event]:
    match name:
        case "action_restart":
            return [*await stage.say("utter_restart", tracker), Restarted()]
        case "action_session_start":
            return session_start(tracker, stage)
        case "action_default_fallback":
            return [*await stage.say("utter_default", tracker), UserUtteranceReverted()]
        case "action_deactivate_loop":
            return [ActiveLoop(name=None), SlotSet(name=REQUESTED_SLOT, value=None)]
        case "action_back":
            said = await stage.say("utter_back", tracker)
            return [*said, UserUtteranceReverted(), UserUtteranceReverted()]
        case "action_default_ask_affirmation":
            return [_affirmation(tracker)]
        case "action_default_ask_rephrase":
            return await stage.say("utter_ask_rephrase", tracker)
        case "action_two_stage_fallback":
            return await fallback.run_two_stage(tracker, stage, run_action)
        case _:  # action_listen and markers do nothing
            return []


def session_start(tracker: Tracker, stage: Stage) -> list[Event]:
    """A new session, with the slots of the old one if the domain wants them carried over."""
    carried = tracker.slots_set() if stage.domain.session.carry_over_slots else []
    return [SessionStarted(), *carried, ActionExecuted(name=LISTEN)]


async def _utter(name: str, tracker: Tracker, stage: Stage) -> list[Event]:
    response: str | None = name
    if is_retrieval(name, stage.domain.responses):
        message = tracker.latest_message
        selector = message.parse_data.response_selector if message and message.parse_data else {}
        response = retrieved(name, selector)
    events = await stage.say(response, tracker) if response else []
    if not events:
        log.error("response.missing", action=name, response=response, channel=stage.channel)
    return events


def _affirmation(tracker: Tracker) -> Event:
    """A question whether the user meant the likeliest intent."""
    message = tracker.latest_message
    parse = message.parse_data if message else None
    intent = parse.intent.name if parse else None
    others = [each.name for each in parse.intent_ranking if each.name] if parse else []
    if intent == fallback.UNCLEAR and len(others) > 1:
        intent = others[1]
    return utterance(
        {
            "text": f"Did you mean '{intent}'?",
            "buttons": [
                {"title": "Yes", "payload": f"/{intent}"},
                {"title": "No", "payload": f"/{fallback.DENIED}"},
            ],
            "utter_action": "action_default_ask_affirmation",
        }
    )
