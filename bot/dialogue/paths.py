"""Stories and rules unrolled into conversations: what policies learn from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice, product
from typing import Any

from bot.dialogue.domain import Domain, Slot
from bot.dialogue.events import ActionExecuted, ActiveLoop, Event, SlotSet, UserUttered
from bot.dialogue.states import LISTEN, UNSET
from bot.dialogue.stories import (
    ActionStep,
    CheckpointStep,
    LoopStep,
    OrStep,
    SlotStep,
    Step,
    Story,
    StoryEntity,
    UserStep,
)
from nlu.parse import Entity, Intent, Parse

ANYTHING = "..."  # where a rule begins or goes on in the midst of a conversation
# Ways through alternatives and checkpoints; a project with more is cut off there. Checkpoints
# that only lead to one another would otherwise never come to an end.
MOST_PATHS = 10_000


# The checkpoints a story starts from, what it tells, the checkpoints it ends in.
_Piece = tuple[tuple[CheckpointStep, ...], tuple[Step, ...], frozenset[str]]
_Chain = tuple[tuple[Step, ...], tuple[int, ...]]  # steps so far, numbers of the stories used


@dataclass(frozen=True, slots=True)
class Told:
    """A way through stories as the events of a conversation.

    ``parts`` are the stories it goes through, each with the number of its first event.
    """

    events: tuple[Event, ...]
    parts: tuple[tuple[int, Story], ...]

    def teller(self, index: int) -> Story:
        """The story that tells the event at ``index``."""
        return next(story for first, story in reversed(self.parts) if first <= index)


def story_events(stories: Sequence[Story], domain: Domain) -> Iterator[tuple[Event, ...]]:
    """Every way through ``stories`` as the events of a conversation.

    It ends listening, unless it ends in a checkpoint that nothing begins with: Rasa stops there.
    """
    for told in told_stories(stories, domain):
        yield told.events


def told_stories(stories: Sequence[Story], domain: Domain) -> Iterator[Told]:
    """As ``story_events``, with the stories that tell them."""
    for bodies, is_over in _unrolled(stories, domain):
        events: list[Event] = []
        parts: list[tuple[int, Story]] = []
        for story, steps in bodies:
            parts.append((len(events), story))
            _tell(events, steps, domain)
        ending = _final_listen(events) if is_over else []
        yield Told((*events, *ending), tuple(parts))


def rule_events(rule: Story, domain: Domain) -> Iterator[tuple[Event, ...]]:
    """``rule`` as events, one conversation for each choice of its ``or`` steps.

    Conditions come first; ``...`` stands for anything that may have gone before, or may follow.
    What a rule says is not set is marked so, which is more than not saying anything.
    """
    for chosen in _choices(rule.steps):
        opening = [] if rule.conversation_start else [ActionExecuted(name=ANYTHING)]
        body = _events((*rule.condition, *opening, *chosen), domain)
        ending = _final_listen(body)
        if not rule.wait_for_user_input:
            ending = [ActionExecuted(name=ANYTHING)]
        yield tuple(_marked(event) for event in (*body, *ending))


def _final_listen(events: Sequence[Event]) -> list[Event]:
    last = events[-1] if events else None
    ends = isinstance(last, ActionExecuted) and last.name == LISTEN
    return [] if ends else [ActionExecuted(name=LISTEN)]


def _marked(event: Event) -> Event:
    match event:
        case ActiveLoop(name=None):
            return ActiveLoop(name=UNSET)
        case SlotSet(name=name, value=None):
            return SlotSet(name=name, value=UNSET)
        case _:
            return event


def _choices(steps: Sequence[Step]) -> Iterator[tuple[Step, ...]]:
    """``steps`` once for every combination of their alternatives."""
    alternatives: list[list[tuple[Step, ...]]] = []
    for step in steps:
        if isinstance(step, OrStep):
            alternatives.append([c if isinstance(c, tuple) else (c,) for c in step.choices])
        else:
            alternatives.append([(step,)])
    for chosen in islice(product(*alternatives), MOST_PATHS):
        yield tuple(step for group in chosen for step in group)


def are_too_many(stories: Sequence[Story], domain: Domain) -> bool:
    """Whether there are more ways through ``stories`` than are told."""
    pieces = [piece for _, piece in _parts(stories)]
    return next(islice(_chains(pieces, domain), MOST_PATHS, None), None) is not None


def _unrolled(
    stories: Sequence[Story], domain: Domain
) -> Iterator[tuple[list[tuple[Story, tuple[Step, ...]]], bool]]:
    """Every chain of stories from a start to an end, no part of one twice; whether it is over."""
    parts = list(_parts(stories))
    pieces = [piece for _, piece in parts]
    known = {start.name for starts, _, _ in pieces for start in starts}
    for _, used in islice(_chains(pieces, domain), MOST_PATHS):
        ends = pieces[used[-1]][2]
        if not ends or not ends <= known:
            yield [(parts[number][0], pieces[number][1]) for number in used], not ends


def _parts(stories: Sequence[Story]) -> Iterator[tuple[Story, _Piece]]:
    """The pieces of every story, once for every combination of its alternatives."""
    for story in stories:
        told: list[_Piece] = []
        for chosen in _choices(story.steps):
            pieces = list(_pieces(chosen))
            # Alternatives behind a checkpoint do not make what stands before it another piece.
            told += [p for p in pieces if len(pieces) == 1 or p not in told]
        yield from ((story, piece) for piece in told)


def _chains(pieces: Sequence[_Piece], domain: Domain) -> Iterator[_Chain]:
    """Every chain of pieces that begins at a start, the longer ones right after their beginning."""
    beginning: dict[str, list[int]] = {}
    for number, (starts, _, _) in enumerate(pieces):
        for start in starts:
            beginning.setdefault(start.name, []).append(number)
    first = (number for number in reversed(range(len(pieces))) if not pieces[number][0])
    waiting: list[_Chain] = [(pieces[number][1], (number,)) for number in first]
    while waiting:
        steps, used = waiting.pop()
        yield steps, used
        ends = pieces[used[-1]][2]
        following = sorted({number for name in ends for number in beginning.get(name, ())})
        for number in reversed(following):
            starts, body, _ = pieces[number]
            joint = next(start for start in starts if start.name in ends)
            if number not in used and _open(joint, steps, domain):
                waiting.append(((*steps, *body), (*used, number)))


def _pieces(steps: tuple[Step, ...]) -> Iterator[_Piece]:
    """A story, taken apart where a checkpoint stands between its steps."""
    starts: tuple[CheckpointStep, ...] = ()
    body: tuple[Step, ...] = ()
    for joint, group in groupby(steps, lambda step: isinstance(step, CheckpointStep)):
        if not joint:
            body = tuple(group)
            continue
        checkpoints = tuple(step for step in group if isinstance(step, CheckpointStep))
        if body:
            yield starts, body, frozenset(step.name for step in checkpoints)
        starts, body = checkpoints, ()
    if body or not steps:
        yield starts, body, frozenset()


def _open(joint: CheckpointStep, steps: Sequence[Step], domain: Domain) -> bool:
    """Whether the slots that ``steps`` set are those that ``joint`` asks for."""
    if not joint.slots:
        return True
    told = {slot.name: slot.initial_value for slot in domain.slots.values()}
    told |= {e.name: e.value for e in _events(steps, domain) if isinstance(e, SlotSet)}
    return all(
        told.get(slot.name) == slot.value if slot.has_value else told.get(slot.name) is not None
        for slot in joint.slots
    )


def _events(steps: Sequence[Step | ActionExecuted], domain: Domain) -> list[Event]:
    events: list[Event] = []
    _tell(events, steps, domain)
    return events


def _tell(events: list[Event], steps: Sequence[Step | ActionExecuted], domain: Domain) -> None:
    """Go on telling ``steps`` after ``events``."""
    for step in steps:
        match step:
            case ActionExecuted():
                events.append(step)
            case UserStep():
                events += _final_listen(events)
                user = _user(step)
                events += [user, *slots_of(user, domain)]
            case ActionStep(name=name, bot_text=bot_text):
                events.append(ActionExecuted(name=name, action_text=bot_text))
            case SlotStep():
                events.append(SlotSet(name=step.name, value=told_value(step, domain)))
            case LoopStep(name=name):
                events.append(ActiveLoop(name=name))
            case _:  # checkpoints and alternatives are gone by now
                pass


def _user(step: UserStep) -> UserUttered:
    if step.text is not None:
        return UserUttered(text=step.text)
    parse = Parse(
        "",
        Intent(step.intent, 1.0),
        tuple(_entity(entity) for entity in step.entities),
    )
    return UserUttered(parse_data=parse)


def _entity(entity: StoryEntity) -> Entity:
    value = "" if entity.value is None else entity.value
    return Entity(entity.entity, value, 0, 0, entity.role, entity.group)


def slots_of(user: UserUttered, domain: Domain) -> Iterator[SlotSet]:
    """What the entities of a told message fill, as they would when talking."""
    for slot in domain.slots.values() if domain.stores_entities else ():
        values = [
            entity.value
            for mapping in slot.mappings
            if mapping.type == "from_entity"
            and not (mapping.conditions and mapping.conditions[0].active_loop is not None)
            for entity in user.entities
            if (entity.entity, entity.role, entity.group)
            == (mapping.entity, mapping.role, mapping.group)
        ]
        if values:
            yield SlotSet(name=slot.name, value=values if slot.type == "list" else values[-1])


def told_value(step: SlotStep, domain: Domain) -> Any:
    """What a slot step sets; where it tells only the name, some value that counts as set.

    Only text and list slots have one; of any other, Rasa takes the name alone as "not set".
    """
    if step.has_value:
        return step.value
    match domain.slots.get(step.name, Slot(step.name)).type:
        case "text":
            return "..."
        case "list":
            return ["..."]
        case _:
            return None
