"""A logged conversation done again, step by step, each from what the log has before it.

The bot decides and acts anew from the recorded parse, slots are filled anew; what others answered
is the log's. Every step must then give the recorded events, to the last bit of a confidence. A step
that does not is told, and the next goes on from what was recorded, so that one difference is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from bot.dialogue.events import (
    ActionExecuted,
    BotUttered,
    Event,
    LoopInterrupted,
    SlotSet,
    UserFeaturization,
    UserUttered,
)
from bot.dialogue.messages import Message
from bot.dialogue.policy import Prediction
from bot.dialogue.states import LISTEN
from bot.dialogue.tracker import SESSION_START, Tracker
from bot.predict import predict
from bot.services import Services
from bot.testing.recorded import COLLECTOR, STAMPED, Recorded, encoded, is_head
from bot.turn import Turn, do, said_once
from bot.understand import know_words, understand
from nlu.parse import Parse

Kind = Literal["session", "user", "action", "other"]
Part = Literal["parse", "slots", "action"]
PREDICTED = (LoopInterrupted, UserFeaturization)  # what policies log before the action


@dataclass(frozen=True, slots=True)
class Step:
    """Events that one thing led to, from ``start`` on: a message, an action; ``other``: nothing
    that a turn did."""

    kind: Kind
    start: int
    events: Sequence[Event]


class Difference(msgspec.Struct, frozen=True):
    """Where a conversation goes otherwise now.

    ``seq`` is the number of the event in the log. ``is_stale`` where the project was another then:
    what changed since may be the reason.
    """

    conversation_id: str
    seq: int
    part: Part
    recorded: str
    now: str
    is_stale: bool = False


def steps(events: Sequence[Event]) -> Iterator[Step]:
    """``events`` cut into what each step of their turns logged, in order."""
    at = 0
    while at < len(events):
        kind, end = _user(events, at) or _action(events, at) or ("other", at + 1)
        yield Step(kind, at, events[at:end])
        at = end


def _user(events: Sequence[Event], at: int) -> tuple[Kind, int] | None:
    said = events[at]
    if not isinstance(said, UserUttered) or said.text is None:
        return None
    end = at + 1
    while end < len(events) and isinstance(events[end], SlotSet | BotUttered):
        if events[end].timestamp != said.timestamp:
            break
        end += 1
    return "user", end


def _action(events: Sequence[Event], at: int) -> tuple[Kind, int] | None:
    head = at
    while head < len(events) and isinstance(events[head], PREDICTED):
        head += 1
    if head == len(events) or not is_head(events[head]):
        return None
    done, end = events[head], head + 1
    if isinstance(done, ActionExecuted) and done.name == LISTEN:
        return "action", end
    while end < len(events) and not is_head(events[end]):
        if events[end].timestamp != done.timestamp:
            break
        end += 1
    if end < len(events) and is_head(events[end]):
        while isinstance(events[end - 1], PREDICTED):  # these are the next action's
            end -= 1
    if not (isinstance(done, ActionExecuted) and done.name == SESSION_START):
        return "action", end
    if end < len(events) and not any(map(_listens, events[head:end])):
        end += _listens(events[end])  # a project's own session start forgot it
    return ("session" if done.policy is None else "action"), end


def _listens(event: Event) -> bool:
    return isinstance(event, ActionExecuted) and event.name == LISTEN


async def redo(
    step: Step, tracker: Tracker, services: Services, recorded: Recorded
) -> Sequence[Event]:
    """What ``step`` gives now, after ``tracker``; ``services`` act by ``recorded``."""
    recorded.begin(step.events, services.bot.domain)
    message = _message(step, tracker)
    if step.kind == "user":
        return await understand(message, tracker, services)
    prediction = Prediction(SESSION_START, 1.0, "")
    if step.kind == "action":
        await know_words(tracker, services)
        prediction = said_once(predict(tracker, services), tracker)
    turn = Turn(tracker, services)
    await do(prediction, turn, message, "")
    return turn.events


def _message(step: Step, tracker: Tracker) -> Message:
    """The message that led to ``step``, as far as the log knows."""
    said = step.events[0]
    if not isinstance(said, UserUttered):
        channel = tracker.latest_input_channel
        return Message(tracker.conversation_id, "", output_channel=channel or COLLECTOR)
    metadata = {key: value for key, value in said.metadata.items() if key not in STAMPED}
    return Message(
        tracker.conversation_id,
        said.text or "",
        message_id=said.message_id or "",
        input_channel=said.input_channel,
        output_channel=said.input_channel or COLLECTOR,
        metadata=metadata,
        received=said.timestamp or 0.0,
        parse=said.parse_data or Parse(said.text or ""),
    )


def compared(step: Step, now: Sequence[Event]) -> tuple[str, str] | None:
    """The first event of ``step`` that is another ``now``, as recorded and as now; None: none."""
    ours, theirs = map(encoded, step.events), map(encoded, now)
    for was, is_now in _aligned(list(ours), list(theirs)):
        if was != is_now:
            return was.decode(), is_now.decode()
    return None


def _aligned(ours: list[bytes], theirs: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    most = max(len(ours), len(theirs))
    pad = b"nothing"
    yield from zip(
        ours + [pad] * (most - len(ours)), theirs + [pad] * (most - len(theirs)), strict=True
    )
