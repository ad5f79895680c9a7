"""A conversation so far: the events of its latest session, and what they add up to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, assert_never

import msgspec

from bot.dialogue.domain import Domain
from bot.dialogue.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActionReverted,
    ActiveLoop,
    AgentUttered,
    AllSlotsReset,
    BotUttered,
    ConversationPaused,
    ConversationResumed,
    EntitiesAdded,
    Event,
    FollowupAction,
    LegacyForm,
    LegacyFormValidation,
    LoopInterrupted,
    ReminderCancelled,
    ReminderScheduled,
    Restarted,
    SessionEnded,
    SessionStarted,
    SlotSet,
    StoryExported,
    UserFeaturization,
    UserUtteranceReverted,
    UserUttered,
)
from bot.dialogue.states import LISTEN, SlotShape, State, feature, user_state

SESSION_START = "action_session_start"
AGENT = "agent"  # who took over, in the metadata of the event that paused the conversation
MOST_EVENTS = 1000  # of a session that a tracker carries; the older half of more is summed up


class Loop(msgspec.Struct, frozen=True, gc=False):
    """A loop in progress; ``trigger`` is the message that started it."""

    name: str
    is_interrupted: bool = False
    rejected: bool = False
    trigger: UserUttered | None = None


class Tracker(msgspec.Struct, frozen=True, gc=False):
    """A conversation so far. Everything but ``events`` and ``seq`` follows from the events.

    ``events`` are those of the latest session, ``seq`` counts every event ever logged.
    ``applied`` are the indices of the events that still count after rewinds, undos and
    repeated loop runs; ``past`` holds the state before each action among them, ``now`` the
    state they lead to. Only rewinds and undos replay events; anything else costs one step.

    A session of more than MOST_EVENTS is carried from ``base`` on: what its older events add up
    to, without the events. So a turn costs the same however long the session is.
    """

    conversation_id: str
    shapes: tuple[SlotShape, ...] = ()
    events: tuple[Event, ...] = ()
    seq: int = 0
    slots: dict[str, Any] = {}
    latest_message: UserUttered | None = None
    latest_action_name: str | None = None
    active_loop: Loop | None = None
    followup_action: str | None = LISTEN
    paused: bool = False
    with_person: bool = False  # who paused it
    latest_input_channel: str | None = None
    applied: tuple[int, ...] = ()
    past: tuple[State, ...] = ()
    now: State = State(followup=True)
    base: Tracker | None = None

    @classmethod
    def start(cls, conversation_id: str, domain: Domain) -> Tracker:
        """A conversation in which nothing has happened."""
        return cls(conversation_id, shapes_of(domain)).reborn()

    @classmethod
    def replay(
        cls, conversation_id: str, domain: Domain, events: Iterable[Event], *, seq: int
    ) -> Tracker:
        """The tracker after ``events``, the last of ``seq`` events ever logged."""
        told = tuple(events)
        blank = cls.start(conversation_id, domain)
        return msgspec.structs.replace(blank, seq=seq - len(told)).apply_all(told)

    @property
    def first(self) -> int:
        """The seq of the event before the first that is carried."""
        return self.seq - len(self.events)

    @property
    def states(self) -> tuple[State, ...]:
        """What policies see: the state before every action that counts, then the present one."""
        return (*self.past, self.now)

    @property
    def loop_name(self) -> str | None:
        """The active loop's name."""
        return self.active_loop.name if self.active_loop else None

    @property
    def requested_slot(self) -> str | None:
        """The slot that a form asked for last."""
        return self.slots.get("requested_slot")

    @property
    def bot_text(self) -> str | None:
        """What the bot said last, in this session."""
        said = (e.text for e in reversed(self.events) if isinstance(e, BotUttered))
        return next((text for text in said if text), None)

    def slots_set(self) -> list[SlotSet]:
        """Every time a slot was set, of what counts; what is summed up is told once."""
        summed = self.base.slots if self.base else {}
        initial = {shape.name: _kept(shape, shape.initial) for shape in self.shapes}
        told = (self.events[index] for index in self.applied)
        return [
            *(SlotSet(name=name, value=v) for name, v in summed.items() if v != initial[name]),
            *(SlotSet(name=e.name, value=e.value) for e in told if isinstance(e, SlotSet)),
        ]

    def apply(self, event: Event) -> Tracker:
        """The tracker after ``event``. This one stays as it was."""
        after = self._applied(event)
        return after if len(after.events) <= MOST_EVENTS else after._shortened()

    def _applied(self, event: Event) -> Tracker:
        after = msgspec.structs.replace(self, events=(*self.events, event), seq=self.seq + 1)
        if isinstance(event, UserUttered):
            after = msgspec.structs.replace(after, latest_input_channel=event.input_channel)
        match event:
            case SessionStarted():
                return after._new_session()
            case Restarted():
                fresh = msgspec.structs.replace(after.reborn(), applied=(), past=(), base=None)
                return fresh._follow(SESSION_START)
            case UserUtteranceReverted():
                before_user = after._before(UserUttered, self.applied)
                return after._replayed(after._before(ActionExecuted, before_user))
            case ActionReverted():
                return after._replayed(after._before(ActionExecuted, self.applied))
            case _:
                return after._counting(len(self.events))

    def apply_all(self, events: Iterable[Event]) -> Tracker:
        """The tracker after ``events``."""
        tracker = self
        for event in events:
            tracker = tracker.apply(event)
        return tracker

    # How the pieces change

    def reborn(self) -> Tracker:
        """With everything but the events as it was before the first."""
        slots = {shape.name: _kept(shape, shape.initial) for shape in self.shapes}
        return msgspec.structs.replace(
            self,
            slots=slots,
            latest_message=None,
            latest_action_name=None,
            active_loop=None,
            followup_action=LISTEN,
            paused=False,
            with_person=False,
            now=State(slots=self._features(slots), followup=True),
        )

    def _new_session(self) -> Tracker:
        blank = msgspec.structs.replace(self.reborn(), applied=(), past=(), base=None)
        first = len(self.events) - 1
        before = self.events[first - 1] if first else None
        if isinstance(before, ActionExecuted) and before.name == SESSION_START:
            first -= 1
        return msgspec.structs.replace(blank, events=self.events[first:])

    def _before(self, kind: type[Any], applied: tuple[int, ...]) -> tuple[int, ...]:
        """``applied`` cut off before the last event of ``kind``; nothing is left without one."""
        for position in range(len(applied) - 1, -1, -1):
            if isinstance(self.events[applied[position]], kind):
                return applied[:position]
        return ()

    def _replayed(self, applied: tuple[int, ...]) -> Tracker:
        tracker = self._from_base()
        for index in applied:
            tracker = tracker._counting(index)
        return tracker

    def _from_base(self) -> Tracker:
        """With the events at hand, but none of them counting yet."""
        if self.base is None:
            return msgspec.structs.replace(self.reborn(), applied=(), past=())
        return msgspec.structs.replace(
            self.base,
            events=self.events,
            seq=self.seq,
            latest_input_channel=self.latest_input_channel,
            base=self.base,
        )

    def _shortened(self) -> Tracker:
        """With the older half of the events summed up in ``base``.

        A loop that began among them then counts its later runs as turns of their own.
        """
        half = len(self.events) // 2
        older = tuple(index for index in self.applied if index < half)
        base = msgspec.structs.replace(
            self._replayed(older), events=(), seq=self.first + half, applied=(), past=(), base=None
        )
        actions = sum(isinstance(self.events[index], ActionExecuted) for index in older)
        return msgspec.structs.replace(
            self,
            events=self.events[half:],
            applied=tuple(index - half for index in self.applied[len(older) :]),
            past=self.past[actions:],
            base=base,
        )

    def _counting(self, index: int) -> Tracker:
        """With the effect of the event at ``index``, which counts from now on."""
        event = self.events[index]
        if isinstance(event, ActionExecuted):
            return self._after_action(event, index)
        after = msgspec.structs.replace(self, applied=(*self.applied, index))
        match event:
            case UserUttered():
                now = msgspec.structs.replace(self.now, user=user_state(event), followup=False)
                return msgspec.structs.replace(
                    after, latest_message=event, followup_action=None, now=now
                )
            case UserFeaturization(use_text_for_featurization=use_text):
                return after._featurised(use_text)
            case EntitiesAdded(entities=entities):
                return after._with_entities(entities)
            case SlotSet(name=name, value=value):
                return after._set(name, value)
            case AllSlotsReset():
                slots = {shape.name: _kept(shape, shape.initial) for shape in self.shapes}
                now = msgspec.structs.replace(self.now, slots=self._features(slots))
                return msgspec.structs.replace(after, slots=slots, now=now)
            case ActiveLoop(name=name) | LegacyForm(name=name):
                loop = Loop(name, trigger=self.latest_message) if name else None
                now = msgspec.structs.replace(self.now, loop=name or None)
                return msgspec.structs.replace(after, active_loop=loop, now=now)
            case LoopInterrupted(is_interrupted=interrupted):
                return after._with_loop(is_interrupted=interrupted)
            case LegacyFormValidation(validate=validate):
                return after._with_loop(is_interrupted=not validate)
            case ActionExecutionRejected(name=name):
                return after._with_loop(rejected=True) if name == self.loop_name else after
            case FollowupAction(name=name):
                return after._follow(name)
            case ConversationPaused():
                by_person = AGENT in event.metadata
                return msgspec.structs.replace(after, paused=True, with_person=by_person)
            case ConversationResumed():
                return msgspec.structs.replace(after, paused=False, with_person=False)
            case (
                BotUttered()
                | AgentUttered()
                | StoryExported()
                | ReminderScheduled()
                | ReminderCancelled()
                | SessionEnded()
            ):
                return after  # a bot decides by none of these
            case SessionStarted() | Restarted() | UserUtteranceReverted() | ActionReverted():
                return after  # they change what counts, and `apply` has seen to it
            case _:
                assert_never(event)

    def _after_action(self, event: ActionExecuted, index: int) -> Tracker:
        name = event.name or event.action_text
        applied, past, now = (*self.applied, index), self.past, self.now
        earlier = self._earlier_run(name)
        if earlier is not None:
            # A form's further runs belong to the turn that started it: see Rasa's "happy path".
            kept = [
                i
                for i in self.applied[earlier + 1 :]
                if not isinstance(self.events[i], ActionExecuted | UserUttered | UserFeaturization)
            ]
            applied = (*self.applied[: earlier + 1], *kept)
            dropped = sum(
                isinstance(self.events[i], ActionExecuted) for i in self.applied[earlier + 1 :]
            )
            past = past[: len(past) - dropped]
            now = msgspec.structs.replace(now, user=past[-1].user)
        else:
            past = (*past, msgspec.structs.replace(now, hidden=event.hide_rule_turn))
        now = msgspec.structs.replace(now, action=name, followup=False)
        loop = self.active_loop
        if loop is not None:
            rejected = loop.rejected and loop.name != name
            loop = msgspec.structs.replace(loop, is_interrupted=False, rejected=rejected)
        return msgspec.structs.replace(
            self,
            applied=applied,
            past=past,
            now=now,
            latest_action_name=name,
            followup_action=None,
            active_loop=loop,
        )

    def _earlier_run(self, name: str | None) -> int | None:
        """Where in ``applied`` the active loop ran before, unless the talk left its path since."""
        if name is None or name != self.loop_name:
            return None
        later_action: str | None = None
        for position in range(len(self.applied) - 1, -1, -1):
            event = self.events[self.applied[position]]
            match event:
                case ActiveLoop(name=None) | LegacyForm(name=None):
                    return None
                case ActionExecutionRejected(name=rejected) if rejected == name:
                    return None
                case UserUttered() if later_action not in (None, name):
                    return None
                case ActionExecuted():
                    later_action = event.name or event.action_text
                    if later_action == name:
                        return position
                case _:
                    pass
        return None

    def _featurised(self, use_text: bool | None) -> Tracker:
        user = self.now.user
        if user is None or self.latest_action_name != LISTEN:
            return self
        if use_text:
            user = msgspec.structs.replace(user, intent=None, entities=())
        else:
            user = msgspec.structs.replace(user, text=None)
        return msgspec.structs.replace(self, now=msgspec.structs.replace(self.now, user=user))

    def _with_entities(self, entities: tuple[Any, ...]) -> Tracker:
        message = self.latest_message
        if message is None or message.parse_data is None or self.latest_action_name != LISTEN:
            return self
        known = message.parse_data.entities
        added = (*known, *(entity for entity in entities if entity not in known))
        parse = msgspec.structs.replace(message.parse_data, entities=added)
        message = msgspec.structs.replace(message, parse_data=parse)
        now = msgspec.structs.replace(self.now, user=user_state(message))
        return msgspec.structs.replace(self, latest_message=message, now=now)

    def _set(self, name: str, value: Any) -> Tracker:
        if name not in self.slots:
            return self
        shape = next(shape for shape in self.shapes if shape.name == name)
        value = _kept(shape, value)
        seen = feature(shape, value)
        features = {other: known for other, known in self.now.slots.items() if other != name}
        if seen is not None:
            features[name] = seen
        now = self.now
        if features != now.slots:
            now = msgspec.structs.replace(now, slots=features)
        return msgspec.structs.replace(self, slots={**self.slots, name: value}, now=now)

    def _follow(self, name: str | None) -> Tracker:
        now = msgspec.structs.replace(self.now, followup=name is not None)
        return msgspec.structs.replace(self, followup_action=name, now=now)

    def _with_loop(self, **changes: bool) -> Tracker:
        if self.active_loop is None:
            return self
        loop = msgspec.structs.replace(self.active_loop, **changes)
        return msgspec.structs.replace(self, active_loop=loop)

    def _features(self, slots: dict[str, Any]) -> dict[str, Any]:
        seen = ((shape.name, feature(shape, slots[shape.name])) for shape in self.shapes)
        return {name: value for name, value in seen if value is not None}


def blank_tracker(domain: Domain) -> Tracker:
    """A tracker whose slots begin empty, whatever the domain says: what rules are told by."""
    shapes = (msgspec.structs.replace(shape, initial=None) for shape in shapes_of(domain))
    return Tracker("", tuple(shapes)).reborn()


def shapes_of(domain: Domain) -> tuple[SlotShape, ...]:
    """What a tracker must know of the domain; a tracker with other shapes must be replayed."""
    return tuple(SlotShape.of(slot) for slot in domain.slots.values())


def _kept(shape: SlotShape, value: Any) -> Any:
    """``value`` as the slot keeps it: a list slot makes a list of a single value."""
    if shape.type == "list" and value and not isinstance(value, list | tuple):
        return [value]
    return value
