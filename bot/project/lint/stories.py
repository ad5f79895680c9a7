"""Stories that contradict one another.

Two stories that looked alike to a policy up to some point, and then do different things, teach
it nothing there. What looks alike is decided as the policies do it: by states, not by words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from bot.dialogue.domain import Domain
from bot.dialogue.events import ActionExecuted
from bot.dialogue.paths import MOST_PATHS, Told, are_too_many, told_stories
from bot.dialogue.states import LISTEN, State, visible
from bot.dialogue.stories import Story
from bot.dialogue.tracker import Tracker
from bot.project.lint.subject import Found, Subject, at_story, place_of
from bot.project.lint.telling import counting, steps_before

LEARNERS = ("MemoizationPolicy", "AugmentedMemoizationPolicy", "TEDPolicy")


@dataclass(frozen=True, slots=True)
class Point:
    """Where a story goes on: the action it tells at ``index`` of the way it is on."""

    told: Told
    index: int
    action: str

    @property
    def story(self) -> Story:
        """The story that tells it."""
        return self.told.teller(self.index)


def check(subject: Subject) -> Iterator[Found]:
    """One finding for every two stories that contradict each other, at the first such point."""
    told = list(told_stories(subject.stories, subject.domain))
    if are_too_many(subject.stories, subject.domain):
        yield _too_many(subject)
    window = subject.max_history or seen_history(subject)
    known: set[tuple[str, str]] = set()
    for first, other in conflicts(told, subject.domain, window):
        pair = (_label(first.story), _label(other.story))
        if pair not in known:
            known.add(pair)
            yield _found(first, other, window)


def seen_history(subject: Subject) -> int | None:
    """How many states back the policy looks that looks furthest; None for all of them."""
    policies = [
        policy
        for policy in subject.project.config.policies
        if policy.name.rsplit(".", 1)[-1] in LEARNERS
    ]
    spans = [policy.options.get("max_history") for policy in policies]
    numbers = [span for span in spans if isinstance(span, int) and span > 0]
    return max(numbers) if numbers and len(numbers) == len(spans) else None


def conflicts(
    told: Iterable[Told], domain: Domain, window: int | None
) -> Iterator[tuple[Point, Point]]:
    """The first point with each history of states, and another that goes on differently."""
    seen = _Histories(domain, window)
    first: dict[tuple[int, ...], Point] = {}
    for way in told:
        for index, history in seen.before_actions(way):
            event = way.events[index]
            assert isinstance(event, ActionExecuted)
            point = Point(way, index, event.name or event.action_text or "")
            known = first.setdefault(history, point)
            if known.action != point.action:
                yield known, point


class _Histories:
    """Numbers equal states equally, so that a history is a short key."""

    def __init__(self, domain: Domain, window: int | None) -> None:
        self._domain, self._window = domain, window
        self._blank = Tracker.start("", domain)
        self._numbers: dict[bytes, int] = {}

    def before_actions(self, way: Told) -> Iterator[tuple[int, tuple[int, ...]]]:
        """The index of each action of ``way``, and what policies saw before it."""
        tracker = self._blank
        seen: tuple[int, ...] = ()
        for index in counting(way, self._blank):
            event = way.events[index]
            if isinstance(event, ActionExecuted):
                now = self._number(visible(tracker.now, self._domain))
                seen = (*seen[: len(tracker.past)], now)
                yield index, seen if self._window is None else seen[-self._window :]
            tracker = tracker.apply(event)

    def _number(self, state: State) -> int:
        key = msgspec.json.encode(state, order="sorted")
        return self._numbers.setdefault(key, len(self._numbers))


def _label(story: Story) -> str:
    return f"{story.name}\n{place_of(story)}"


def _found(first: Point, other: Point, window: int | None) -> Found:
    story = other.story
    message = (
        f"the story '{story.name}' {_goes_on(other.action)} where '{first.story.name}' "
        f"({place_of(first.story)}) {_goes_on(first.action)}, after: "
        f"{steps_before(other.told.events, other.index, window)}."
    )
    hint = "Tell them apart by a slot, an entity or an earlier step."
    return Found("warning", "story-conflict", at_story(story, message, hint))


def _goes_on(action: str) -> str:
    return "waits for the user" if action == LISTEN else f"goes on with '{action}'"


def _too_many(subject: Subject) -> Found:
    message = f"the stories have more than {MOST_PATHS} ways through their checkpoints."
    hint = "The others are neither learnt nor compared; use fewer checkpoints, or-steps or stories."
    return Found("warning", "too-many-paths", at_story(subject.stories[0], message, hint))
