"""What people say of an item, and what that comes to. All of it is pure: the store keeps it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from bot.errors import BadRequest, Conflict
from bot.review.item import Opinion, ReviewItem, Step
from nlu.parse import Entity

MOST_OPINIONS = 9  # wanted of one item
NEAR = 70.0  # of 100: a name that may have been meant
MOST_NAME_CHARS = 200


@dataclass(frozen=True, slots=True)
class Names:
    """What the project knows: its intents, its entities, and the answers of retrieval intents, as
    ``faq/opening_hours``."""

    intents: frozenset[str]
    entities: frozenset[str]
    answers: frozenset[str] = frozenset()

    @property
    def labels(self) -> frozenset[str]:
        """Intents that a sentence may have; of a retrieval intent its answers, not itself."""
        retrieval = {one.partition("/")[0] for one in self.answers}
        return (self.intents - retrieval) | self.answers

    def knows(self, intent: str) -> bool:
        """Whether it is a label; of a retrieval intent whose answers nobody wrote, any answer."""
        base = intent.partition("/")[0]
        unwritten = base != intent and base in self.intents and not self.answers_of(base)
        return intent in self.labels or unwritten

    def unknown(self, intent: str) -> str:
        """Why ``intent`` is no label, and what would be one."""
        if answers := self.answers_of(intent):
            return f"{intent!r} has {len(answers)} answers; a label says which, as {answers[0]!r}."
        return f"The project has no intent {intent!r}.{near(intent, self.labels)}"

    def answers_of(self, intent: str) -> list[str]:
        """Of a retrieval intent, sorted; of others none."""
        return sorted(one for one in self.answers if one.startswith(f"{intent}/"))


def checked(opinion: Opinion, item: ReviewItem, names: Names) -> Opinion:
    """``opinion``, if it can be one of ``item``. Raises BadRequest, which says what would be."""
    if not opinion.reviewer.strip():
        raise BadRequest("A label needs the name of who gives it.")
    if opinion.label == "out_of_scope" and opinion.intent is not None:
        raise BadRequest("What is out of scope has no intent.")
    if opinion.label != "out_of_scope":
        _check_intent(opinion, names)
    _check_entities(opinion.entities, item.text, names)
    return opinion


def with_found(opinion: Opinion, item: ReviewItem, names: Names) -> Opinion:
    """``opinion`` with the entities that the model found in ``item``. Those that the project does
    not have (any more) are left out, and its note says so."""
    if opinion.label == "out_of_scope":
        return replace(opinion, entities=())
    known = tuple(one for one in item.said.entities if one.entity in names.entities)
    gone = dict.fromkeys(e.entity for e in item.said.entities if e.entity not in names.entities)
    told = [f"Left out: the project has no entity {name!r} any more." for name in gone]
    note = " ".join([*([opinion.note] if opinion.note else []), *told])
    return replace(opinion, entities=known, note=note)


def opine(item: ReviewItem, opinion: Opinion) -> ReviewItem:
    """``item`` with what somebody says of it; in the place of what he said before."""
    author = opinion.kind, opinion.reviewer
    others = tuple(one for one in item.opinions if (one.kind, one.reviewer) != author)
    said = opinion.intent or "out of scope"
    what = f"{'weakly ' if opinion.kind == 'weak' else ''}{said}"
    noted = _noted(item, Step(opinion.at, opinion.reviewer, what))
    return settled(replace(noted, opinions=(*others, opinion)))


def retract(item: ReviewItem, reviewer: str, at: float) -> ReviewItem:
    """``item`` as if ``reviewer`` had not looked at it. Raises Conflict where he has not."""
    skipped = item.state == "skipped" and item.history and item.history[-1].who == reviewer
    author = "person", reviewer
    kept = tuple(one for one in item.opinions if (one.kind, one.reviewer) != author)
    if len(kept) == len(item.opinions) and not skipped:
        raise Conflict(f"{reviewer!r} has said nothing of review item {item.id!r}.")
    return settled(replace(_noted(item, Step(at, reviewer, "taken back")), opinions=kept))


def skip(item: ReviewItem, reviewer: str, at: float) -> ReviewItem:
    """``item``, which ``reviewer`` cannot tell; it is asked of nobody until it is opened again."""
    noted = _noted(item, Step(at, reviewer, "skipped"))
    return replace(noted, state="skipped")


def ask_again(item: ReviewItem, reviewer: str, at: float) -> ReviewItem:
    """``item`` open for one more person than have looked at it. Raises Conflict for too many."""
    wanted = len(_people(item)) + 1
    if wanted > MOST_OPINIONS:
        raise Conflict(f"{MOST_OPINIONS} people have looked at review item {item.id!r}.")
    noted = _noted(item, Step(at, reviewer, "second opinion wanted"))
    return settled(replace(noted, wanted=max(wanted, 2)))


def ask_no_more(item: ReviewItem, reviewer: str, at: float, *, wanted: int) -> ReviewItem:
    """``item`` for as many people as were ``wanted`` before ``ask_again``."""
    noted = _noted(item, Step(at, reviewer, "second opinion not wanted"))
    return settled(replace(noted, wanted=wanted))


def settled(item: ReviewItem) -> ReviewItem:
    """``item`` decided, where enough people agree; open, where not.

    Enough are as many as are wanted; of those who contradict each other, what more say than
    anything else. While no person's label stands, a weak one does.
    """
    people = _people(item)
    decision = _majority(people) if len(people) >= item.wanted else None
    state = "decided" if decision else "open"
    return replace(item, state=state, decision=decision or _strongest(item.opinions))


def stale(items: Sequence[ReviewItem], names: Names) -> Mapping[str, list[ReviewItem]]:
    """Decided items whose intent the project does not have (any more), by that intent; new ones
    aside."""
    found: dict[str, list[ReviewItem]] = {}
    for item in items:
        decision = item.decision
        if decision and decision.label == "intent" and not names.knows(str(decision.intent)):
            found.setdefault(str(decision.intent), []).append(item)
    return found


def near(name: str, known: Collection[str]) -> str:
    """ " Did you mean …?", where one is near."""
    from rapidfuzz import process  # here, as few names are mistyped

    found = process.extractOne(name, sorted(known), score_cutoff=NEAR)
    return f" Did you mean {found[0]!r}?" if found else ""


def _people(item: ReviewItem) -> list[Opinion]:
    return [one for one in item.opinions if one.kind == "person"]


def _majority(people: Sequence[Opinion]) -> Opinion | None:
    """The last opinion that says what most say; None where two things are said as often."""
    votes = Counter(one.says for one in people).most_common(2)
    if not votes or (len(votes) > 1 and votes[0][1] == votes[1][1]):
        return None
    return next(one for one in reversed(people) if one.says == votes[0][0])


def _strongest(opinions: Sequence[Opinion]) -> Opinion | None:
    weak = [one for one in opinions if one.kind == "weak"]
    return max(weak, key=lambda one: (one.weight, one.at), default=None)


def _noted(item: ReviewItem, step: Step) -> ReviewItem:
    return replace(item, history=(*item.history, step))


def _check_intent(opinion: Opinion, names: Names) -> None:
    intent = opinion.intent
    if not intent or not intent.strip() or len(intent) > MOST_NAME_CHARS or "\n" in intent:
        raise BadRequest("A label names an intent, in at most 200 characters on one line.")
    if opinion.label == "intent" and not names.knows(intent):
        new = (
            "" if names.answers_of(intent) else " One that is to be added has the label new_intent."
        )
        raise BadRequest(f"{names.unknown(intent)}{new}")
    if opinion.label == "new_intent" and (names.knows(intent) or intent in names.intents):
        raise BadRequest(f"The project has the intent {intent!r} already; the label is intent.")


def _check_entities(entities: Sequence[Entity], text: str, names: Names) -> None:
    end = 0
    for one in sorted(entities, key=lambda entity: (entity.start, entity.end)):
        if one.entity not in names.entities:
            raise BadRequest(
                f"The project has no entity {one.entity!r}.{near(one.entity, names.entities)}"
            )
        if not 0 <= one.start < one.end <= len(text):
            raise BadRequest(
                f"Entity {one.entity!r} goes from {one.start} to {one.end}; the text has "
                f"{len(text)} characters."
            )
        if one.start < end:
            raise BadRequest(f"Entity {one.entity!r} at {one.start} overlaps the one before it.")
        end = one.end
