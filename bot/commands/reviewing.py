"""`parley review` at the terminal: a sentence, a key, the next sentence."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from rapidfuzz import process
from rich.console import Console
from rich.text import Text

from bot.commands.keys import ENTER, LEFT, Keys
from bot.errors import BadRequest, Conflict
from bot.project.markup import MarkupError, read_markup, write_markup
from bot.project.project import ExampleEntity
from bot.review import decide, desk
from bot.review.decide import Names
from bot.review.item import Label, Opinion, ReviewItem
from bot.review.store import Filter, Reviews
from nlu.parse import Entity

MOST = 9  # intents with a key of their own
HELP = (
    "1-9 an intent · Enter the first · i another intent · n new intent · o out of scope · "
    "e entities · g the whole group · s skip · w second opinion · u undo · q leave"
)


Undo = Callable[[ReviewItem, str, float], ReviewItem]


class Done(NamedTuple):
    """A step of this person: what it changed, and what takes it back, done by whom and when."""

    items: Sequence[ReviewItem]
    undo: Undo = decide.retract


@dataclass
class Reviewing:
    """One person's way through what waits. ``told`` is where it is shown."""

    reviews: Reviews
    names: Names
    reviewer: str
    wanted: Filter
    told: Console
    keys: Keys
    done: list[Done] = field(default_factory=list)
    used: Counter[str] = field(default_factory=Counter)
    _entities: tuple[Entity, ...] | None = None
    _whole_group: bool = True
    _passed: set[str] = field(default_factory=set)

    async def run(self) -> int:
        """Until nothing waits or the person leaves; how many got a label."""
        while (item := await self._next()) is not None:
            await self._show(item)
            if not await self._answered(item):
                break
        else:
            self.told.print("Nothing waits.")
        return sum(self._is_mine(item) for step in self.done for item in step.items)

    def _is_mine(self, item: ReviewItem) -> bool:
        return any(one.reviewer == self.reviewer for one in item.opinions)

    async def _next(self) -> ReviewItem | None:
        """What is most worth a look and this person has not looked at."""
        after = ""
        while page := await self.reviews.listed(self.wanted, after=after, limit=50):
            for item in page:
                if not self._is_mine(item) and item.id not in self._passed:
                    return item
            after = page[-1].id
        return None

    async def _show(self, item: ReviewItem) -> None:
        self._entities, self._whole_group = None, True
        counts = await self.reviews.counts()
        self.told.rule(f"{counts.get('open', 0)} wait, {len(self.done)} done", align="left")
        if item.before:
            self.told.print(Text(f"  {item.before}", style="dim"))
        self.told.print(_marked(item.text, item.said.entities))
        for reason in item.reasons:
            self.told.print(Text(f"  {reason.miner}: {reason.note}", style="dim"))
        if item.group:
            self.told.print(Text("  others say nearly the same; they get it too (g)", style="dim"))
        for number, intent in enumerate(self._choices(item), 1):
            sure = f" {item.said.confidence:.0%}" if intent == item.said.intent else ""
            self.told.print(Text(f"  {number} {intent}{sure}"))

    def _choices(self, item: ReviewItem) -> list[str]:
        """Intents to choose from: the label an example has, so that a key too quick changes
        nothing; what the model, weak labels and the miners say; those that were chosen most."""
        weak = [one.intent for one in item.opinions if one.kind == "weak"]
        suggested = [reason.suggested for reason in item.reasons]
        likely = [item.labelled, item.said.intent, *weak, *suggested]
        often = [intent for intent, _ in self.used.most_common()]
        known = [one for one in (*likely, *often) if one and self.names.knows(one)]
        return list(dict.fromkeys(known))[:MOST]

    async def _answered(self, item: ReviewItem) -> bool:
        """Whether to go on with another item."""
        while True:
            self.told.print("? ", end="")
            key = self.keys.key()
            if key == LEFT:
                return False
            try:
                if await self._pressed(key, item):
                    return True
            except (BadRequest, MarkupError) as error:
                self.told.print(Text(str(error), style="red"))
            except Conflict as error:
                self.told.print(Text(str(error), style="red"))
                return True

    async def _pressed(self, key: str, item: ReviewItem) -> bool:
        """Whether the item is dealt with."""
        now = time.time()
        choices = self._choices(item)
        match key:
            case _ if key in ENTER and choices:
                return await self._label(item, "intent", choices[0])
            case _ if key.isdecimal() and 0 < int(key) <= len(choices):
                return await self._label(item, "intent", choices[int(key) - 1])
            case "i" | "n":
                label: Label = "intent" if key == "i" else "new_intent"
                named = self._asked_intent() if key == "i" else self.keys.line("new intent: ")
                return await self._label(item, label, named) if named else False
            case "o":
                return await self._label(item, "out_of_scope", None)
            case "s":
                self._kept([await self._change(item, decide.skip(item, self.reviewer, now))])
                return True
            case "w":
                asked = await self._change(item, decide.ask_again(item, self.reviewer, now))
                self.done.append(Done([asked], partial(decide.ask_no_more, wanted=item.wanted)))
                self._passed.add(item.id)
                return True
            case "u":
                return await self._undone(now)
            case "e":
                self._correct_entities(item)
            case "g":
                self._whole_group = not self._whole_group
                self.told.print("the whole group" if self._whole_group else "this one alone")
            case _:
                self.told.print(Text(HELP, style="dim"))
        return False

    def _asked_intent(self) -> str:
        """An intent of the project by its name, or what is nearest to it."""
        typed = self.keys.line("intent: ")
        labels = self.names.labels
        begun = sorted(name for name in labels if name.startswith(typed))
        if typed in labels or not typed:
            return typed
        if len(begun) == 1:
            return begun[0]
        if begun:
            raise BadRequest(f"{typed!r} begins {len(begun)} intents: {', '.join(begun)}.")
        if found := process.extractOne(typed, sorted(labels), score_cutoff=decide.NEAR):
            raise BadRequest(f"There is no intent {typed!r}. Did you mean {found[0]!r}?")
        return typed

    async def _label(self, item: ReviewItem, label: Label, intent: str | None) -> bool:
        marked = () if label == "out_of_scope" else self._entities or ()
        changed = await desk.decided(
            self.reviews,
            item,
            Opinion(label, self.reviewer, time.time(), intent, marked),
            self.names,
            whole_group=self._whole_group,
            found=self._entities is None,
        )
        if intent and label == "intent":
            self.used[intent] += 1
        self._kept(changed)
        self.told.print(Text(f"{intent or 'out of scope'} ({len(changed)})", style="green"))
        if note := next(one.note for one in changed[0].opinions if one.reviewer == self.reviewer):
            self.told.print(Text(note, style="dim"))
        return True

    async def _change(self, item: ReviewItem, changed: ReviewItem) -> ReviewItem:
        [kept] = await self.reviews.keep([changed])
        return kept

    def _kept(self, changed: Sequence[ReviewItem]) -> None:
        self.done.append(Done(changed))

    async def _undone(self, now: float) -> bool:
        """Take the last step back; what it was about comes up again."""
        if not self.done:
            self.told.print("Nothing to undo.")
            return False
        last = self.done[-1]
        latest = [await self.reviews.item(one.id) for one in last.items]
        await self.reviews.keep([last.undo(one, self.reviewer, now) for one in latest])
        self.done.pop()
        self._passed -= {one.id for one in latest}
        self.told.print("undone")
        return True

    def _correct_entities(self, item: ReviewItem) -> None:
        """Ask for the sentence with its entities marked, as in the training data."""
        spans = [
            ExampleEntity(one.start, one.end, one.entity, str(one.value))
            for one in (item.said.entities if self._entities is None else self._entities)
        ]
        self.told.print(Text(write_markup(item.text, spans)))
        typed = self.keys.line("marked: ")
        if not typed:
            return
        text, found = read_markup(typed)
        if text != item.text:
            raise BadRequest("Without its marks this is another sentence; nothing was changed.")
        self._entities = tuple(
            Entity(one.entity, one.value, one.start, one.end, one.role, one.group) for one in found
        )
        self.told.print(_marked(item.text, self._entities))


def _marked(text: str, entities: Sequence[Entity]) -> Text:
    shown = Text(text, style="bold")
    for one in entities:
        shown.stylize("cyan underline", one.start, one.end)
    for one in sorted(entities, key=lambda entity: entity.start):
        shown.append(f"  {one.entity}={one.value}", style="cyan")
    return shown
