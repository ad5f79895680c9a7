"""One message and all it causes. Read this first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import structlog

from bot.act import act
from bot.dialogue.events import (
    ActionExecuted,
    Event,
    SessionEnded,
    SlotSet,
    UserUttered,
)
from bot.dialogue.messages import Message, Reply
from bot.dialogue.policy import LISTEN, Prediction
from bot.dialogue.tracker import SESSION_START, Tracker, shapes_of
from bot.effects import QUEUE, Effects, effects
from bot.errors import Conflict
from bot.predict import predict
from bot.reminders import NEWS as REMINDERS
from bot.reminders import is_outdated, named
from bot.services import Services
from bot.stopwatch import Stopwatch
from bot.store.base import Stand, Waiting
from bot.understand import understand

METADATA_SLOT = "session_started_metadata"
NEWS = "events"
Told = Callable[[Sequence[Reply]], None]

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Turn:
    """A turn in the making: the tracker as it moves on, and what is to be recorded."""

    tracker: Tracker
    parley: Services
    events: list[Event] = field(default_factory=list)
    actions: int = 0
    watch: Stopwatch = field(default_factory=Stopwatch)
    _ours: dict[str, str] = field(init=False)
    _begun: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        bot = self.parley.bot
        ours = {"assistant_id": bot.assistant_id, "model_id": bot.model_id}
        more = {"policy_id": bot.policy_id, "project_id": bot.project_id}
        self._ours = {key: value for key, value in ours.items() if value}
        self._begun = self._ours | {key: value for key, value in more.items() if value}

    def add(self, *events: Event) -> None:
        """``events`` happen now."""
        now = self.parley.clock()
        for event in events:
            # What else a turn can be replayed by is told once, where it begins.
            told = self._begun if isinstance(event, UserUttered) else self._ours
            # One for all, since trackers are remembered.
            metadata = {**event.metadata, **told} if event.metadata else told
            stamped = msgspec.structs.replace(named(event), timestamp=now, metadata=metadata)
            self.events.append(stamped)
            self.tracker = self.tracker.apply(stamped)


@dataclass(frozen=True, slots=True)
class Done:
    """A turn as recorded.

    ``watch`` timed its steps: load, nlu, slots, predict, act, commit, keep.
    """

    tracker: Tracker
    events: Sequence[Event]
    replies: Sequence[Reply]
    actions: int
    watch: Stopwatch


def nobody(replies: Sequence[Reply]) -> None:
    """Nobody waits for them."""


async def take_turn(
    waiting: Waiting,
    parley: Services,
    *,
    pushing: Collection[str] = (),
    told: Told = nobody,
) -> Done:
    """Answer a message, and record all of it at once.

    Args:
        pushing: The channels whose replies must still be sent; the others' are read from the log.
        told: Called with the replies as soon as they are recorded; keeping the tracker can wait.

    Raises Conflict when the conversation moved on meanwhile, to be tried again, and Unavailable
    when NLU or the log cannot be reached. Either way nothing was recorded.
    """
    message = waiting.message
    watch = Stopwatch()
    with watch.step("load"):
        tracker, epoch = await load(message.conversation_id, parley, stands=waiting.stands)
    turn = Turn(tracker, parley, watch=watch)
    if await is_outdated(message, tracker, parley.log):
        nothing = Effects((), ())
        await _commit(turn, nothing, waiting, seq=tracker.seq, epoch=epoch, pushing=pushing)
        return Done(tracker, (), (), 0, watch)

    call_id = f"{message.conversation_id}:{message.message_id or waiting.inbox_id}"
    await open_session(turn, message, call_id)
    turn.add(*await understand(message, turn.tracker, parley, call_id=call_id, watch=watch))
    await _answer(turn, message, call_id)

    caused = effects(turn.events, message)
    with watch.step("commit"):
        await _commit(turn, caused, waiting, seq=tracker.seq, epoch=epoch, pushing=pushing)
    told(caused.replies)
    await asyncio.sleep(0)  # who was told goes first
    with watch.step("keep"):
        await parley.news.publish(message.conversation_id, NEWS)  # goes out with what is kept
        await parley.trackers.keep(turn.tracker, epoch=epoch)
        if caused.reminders:
            await parley.news.publish(REMINDERS, NEWS)
        if caused.calls:
            await parley.news.publish(QUEUE, NEWS)
    return Done(turn.tracker, turn.events, caused.replies, turn.actions, watch)


async def _commit(
    turn: Turn,
    caused: Effects,
    waiting: Waiting,
    *,
    seq: int,
    epoch: int,
    pushing: Collection[str],
) -> None:
    """All of the turn in one transaction, or Conflict."""
    message, parley = waiting.message, turn.parley
    try:
        await parley.log.commit(
            message.conversation_id,
            turn.events,
            seq=seq,
            epoch=epoch,
            inbox_id=waiting.inbox_id,
            replies=caused.replies,
            channel=message.channel,
            sent=message.channel not in pushing,
            reminders=caused.reminders,
        )
    except Conflict:
        await parley.trackers.forget(message.conversation_id)  # it may be what was out of date
        raise


async def load(
    conversation_id: str, parley: Services, *, stands: Stand | None = None
) -> tuple[Tracker, int]:
    """The tracker as the log has it, and its epoch; kept ones only spare the replay.

    ``stands`` is where the log stood a moment ago, if that is known.
    """
    if stands == (0, 0):
        return Tracker.start(conversation_id, parley.bot.domain), 0
    shapes = shapes_of(parley.bot.domain)
    kept = await parley.trackers.load(conversation_id, stands=stands)
    if kept is not None and kept[0].shapes == shapes:
        return kept
    history = await parley.log.history(conversation_id)
    tracker = Tracker.replay(conversation_id, parley.bot.domain, history.events, seq=history.seq)
    if tracker.first and tracker.latest_input_channel is None:
        channel = await _last_channel(conversation_id, parley)
        tracker = msgspec.structs.replace(tracker, latest_input_channel=channel)
    return tracker, history.epoch


async def _last_channel(conversation_id: str, parley: Services) -> str | None:
    """Where the user last wrote, in whatever session: after a restart he has not in this one."""
    history = await parley.log.history(conversation_id, all_sessions=True)
    said = (event for event in reversed(history.events) if isinstance(event, UserUttered))
    return next((event.input_channel for event in said), None)


async def load_current(conversation_id: str, parley: Services) -> tuple[Tracker, int]:
    """As ``load``, for what no commit will compare with the log: a kept tracker is behind it when
    a worker died, or Redis was away, just after a commit.
    """
    tracker, epoch = await load(conversation_id, parley)
    if (tracker.seq, epoch) == await parley.log.stands(conversation_id):
        return tracker, epoch
    await parley.trackers.forget(conversation_id)
    return await load(conversation_id, parley)


async def open_session(turn: Turn, message: Message, call_id: str) -> None:
    """Start a session if there is none, or the last one has been silent for too long."""
    if not _session_is_over(turn.tracker, turn.parley):
        return
    of_user = message.metadata if message.parse is None else None
    if of_user and METADATA_SLOT in turn.tracker.slots:
        turn.add(SlotSet(name=METADATA_SLOT, value=dict(of_user)))
    start = Prediction(SESSION_START, 1.0, "")
    await do(start, turn, message, f"{call_id}:0")


def _session_is_over(tracker: Tracker, parley: Services) -> bool:
    if not tracker.applied:
        return True
    if tracker.with_person:
        return False
    minutes = parley.bot.domain.session.expiration_minutes
    ends = (e for e in reversed(tracker.events) if isinstance(e, UserUttered | SessionEnded))
    said = next(ends, None)
    if isinstance(said, SessionEnded):  # an action of rasa-sdk 3.21 ended it
        return True
    if not minutes or said is None or said.timestamp is None:
        return False
    return parley.clock() - said.timestamp > minutes * 60


async def _answer(turn: Turn, message: Message, call_id: str) -> None:
    """Predict and act until the bot listens, a person has taken over, or that is too long."""
    while _may_act(turn.tracker):
        if turn.actions >= turn.parley.most_actions:
            log.warning("turn.too_long", actions=turn.actions)
            turn.add(ActionExecuted(name=LISTEN))
            return
        turn.actions += 1
        with turn.watch.step("predict"):
            prediction = said_once(predict(turn.tracker, turn.parley), turn.tracker)
        with turn.watch.step("act"):
            await do(prediction, turn, message, f"{call_id}:{turn.actions}")
        if prediction.action in (LISTEN, SESSION_START):
            return


def said_once(prediction: Prediction, tracker: Tracker) -> Prediction:
    """``prediction``; the bot listens after a fallback that took nothing back."""
    if prediction.is_fallback and prediction.action == tracker.latest_action_name:
        return replace(prediction, action=LISTEN, is_fallback=False)
    return prediction


async def do(prediction: Prediction, turn: Turn, message: Message, call_id: str) -> None:
    """Run the action of ``prediction`` where ``message`` came from; the turn has its events."""
    tracker, channel = turn.tracker, message.output_channel
    turn.add(*await act(prediction, tracker, turn.parley, channel=channel, call_id=call_id))
    if prediction.action == SESSION_START and turn.tracker.latest_action_name != LISTEN:
        turn.add(ActionExecuted(name=LISTEN))  # a project's own session start forgot it


def _may_act(tracker: Tracker) -> bool:
    """A paused conversation is silent until the user restarts it; one that a person took over
    until it is handed back.
    """
    if not tracker.paused:
        return True
    said = tracker.latest_message
    return said is not None and said.intent == "restart" and not tracker.with_person
