"""Two-stage fallback: ask whether this was meant, then ask to say it again, then give up."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bot.actions.loops import RunAction
from bot.actions.stage import Stage
from bot.dialogue.events import (
    ActionExecuted,
    ActiveLoop,
    Event,
    UserUtteranceReverted,
    UserUttered,
)
from bot.dialogue.states import LISTEN
from bot.dialogue.tracker import Tracker
from nlu.parse import Intent

NAME = "action_two_stage_fallback"
UNCLEAR, DENIED = "nlu_fallback", "out_of_scope"


async def run_two_stage(tracker: Tracker, stage: Stage, run: RunAction) -> list[Event]:
    """One run of the loop, from the user's last messages."""
    intents = _intents(tracker.events)
    started: list[Event] = [] if tracker.loop_name == NAME else [ActiveLoop(name=NAME)]
    if _gives_up(intents):
        ended = await run("action_default_fallback", tracker, stage)
    elif intents[-1] not in (UNCLEAR, DENIED):
        ended = _meant(tracker)
    else:
        unsure = bool(started) or intents[-1] == UNCLEAR
        ask = "action_default_ask_affirmation" if unsure else "action_default_ask_rephrase"
        return [*started, *await run(ask, tracker, stage)]
    return [*started, ActiveLoop(name=None), *ended]


def _gives_up(intents: Sequence[str | None]) -> bool:
    """Two unclear messages in a row, or the second guess denied as well."""
    return intents[-2:] == [UNCLEAR, UNCLEAR] or intents == [DENIED, UNCLEAR, DENIED]


def _intents(events: Sequence[Event]) -> list[str | None]:
    """The intents of the last three messages, oldest first; a rewind stands in as None."""
    latest: list[str | None] = []
    for event in reversed(events):
        if isinstance(event, UserUttered | UserUtteranceReverted):
            latest.insert(0, event.intent if isinstance(event, UserUttered) else None)
            if len(latest) == 3:
                return latest
    return latest or [None]


def _meant(tracker: Tracker) -> list[Event]:
    """The unclear message never was; what the user says now was clear from the start."""
    message = tracker.latest_message
    if message is None:
        return []
    parse = message.parse_data
    if parse is not None:
        parse = msgspec.structs.replace(parse, intent=Intent(parse.intent.name, 1.0))
    clear = msgspec.structs.replace(message, parse_data=parse, timestamp=None)
    return [UserUtteranceReverted(), ActionExecuted(name=LISTEN), clear]
