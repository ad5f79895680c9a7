"""What must hold when all is quiet again: by the log, the client, the provider and the shop."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise

from bot.dialogue.domain import Domain
from bot.dialogue.events import (
    BotUttered,
    ConversationPaused,
    ConversationResumed,
    UserUttered,
)
from bot.dialogue.tracker import Tracker
from bot.store.base import History, Letter
from bot.store.kept import RedisTrackers
from bot.store.link import RedisDown
from bot.store.redis import RedisStores
from bot.store.sql import SqlLog
from tests.live.chaos.client import Told, Users
from tests.live.chaos.world import World

STATES = ("waiting", "sent", "failed", "unknown", "missed", "withdrawn")


@dataclass
class Talk:
    """What the log has of one conversation."""

    history: History
    said: dict[str, list[str]] = field(default_factory=dict)  # what the bot said to each message
    twice: list[str] = field(default_factory=list)  # messages recorded again
    silent: set[str] = field(default_factory=set)  # messages a person was to answer
    before: set[str] = field(default_factory=set)  # messages answered before a person took over

    @classmethod
    def of(cls, history: History) -> Talk:
        talk, name, with_person = cls(history), "", False
        for event in history.events:
            match event:
                case ConversationPaused():
                    with_person, talk.before = True, set(talk.said)
                case ConversationResumed():
                    with_person = False
                case UserUttered(text=str(text)):
                    name = _name(text)
                    if name in talk.said:
                        talk.twice.append(name)
                    talk.said[name] = []
                    if with_person:
                        talk.silent.add(name)
                case BotUttered(text=str(text)):
                    talk.said[name].append(text)
        return talk


@dataclass
class Verdict:
    """What was found wrong, and what was counted."""

    wrong: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def must(self, holds: object, sentence: str) -> None:
        if not holds:
            self.wrong.append(sentence)


async def verdict_on(
    users: Users,
    world: World,
    log: SqlLog,
    redis: RedisStores,
    domain: Domain,
    conversations: Sequence[str],
) -> Verdict:
    """Everything that was promised, checked for ``conversations``."""
    found = Verdict(wrong=list(users.wrong))
    told_of: defaultdict[str, dict[str, Told]] = defaultdict(dict)
    for name, told in users.told.items():
        told_of[told.conversation][name] = told
    trackers = RedisTrackers(redis.link, model_id=await _model_id(redis, conversations))
    tickets = _tickets(world)
    for conversation in conversations:
        sender = _sender(conversation)
        talk = Talk.of(await log.history(sender, all_sessions=True))
        _messages(talk, told_of[conversation], found)
        _answers(talk, told_of[conversation], found)
        _rows(talk, told_of[conversation], tickets, found)
        await _tracker(talk, sender, trackers, domain, found)
        if not conversation.startswith("rest"):
            letters = await log.letters(states=STATES, conversation_id=sender, limit=10_000)
            _arrivals(talk, conversation, letters, users, world, found)
    return found


def _messages(talk: Talk, told: dict[str, Told], found: Verdict) -> None:
    """Each recorded once, in the order in which they were accepted."""
    found.counts["messages"] += len(told)
    found.must(not talk.twice, f"handled twice: {talk.twice}")
    lost = told.keys() - talk.said.keys()
    found.must(not lost, f"lost: {sorted(lost)}")
    places = {name: place for place, name in enumerate(talk.said)}
    for first, second in pairwise(sorted(told.keys() & places.keys(), key=lambda n: places[n])):
        in_order = not told[second].accepted < told[first].first_sent
        found.must(in_order, f"{second} was accepted before {first} was said, and comes after it")


def _answers(talk: Talk, told: dict[str, Told], found: Verdict) -> None:
    """Each message is answered, once, and every repeat with the same."""
    for name, said in talk.said.items():
        done = said.count(f"done {name}")
        wanted = 0 if name in talk.silent else 1
        found.must(done == wanted, f"{name} was answered {done} times: {said}")
        for answer in told[name].answers if name in told else ():
            texts = [part.get("text") for part in answer]
            found.counts["answers on REST"] += 1
            found.must(texts == said, f"{name} got {texts}, the log has {said}")


def _rows(talk: Talk, told: dict[str, Told], tickets: Counter[str], found: Verdict) -> None:
    """A ticket for each report, once; fewer only where the user was told so."""
    for name, said in talk.said.items():
        if name not in told or not told[name].is_report or name in talk.silent:
            continue
        found.counts["reports"] += 1
        is_told = any(text.startswith("ticket ") for text in said)
        found.counts["reports that failed"] += not is_told
        found.must(tickets[name] <= 1, f"{name} has {tickets[name]} tickets")
        found.must(tickets[name] or not is_told, f"{name} was promised a ticket and has none")


async def _tracker(
    talk: Talk, sender: str, trackers: RedisTrackers, domain: Domain, found: Verdict
) -> None:
    """What Redis keeps is what the log adds up to, or older."""
    kept = await trackers.load(sender)
    if kept is None:
        found.counts["trackers gone"] += 1
        return
    tracker, epoch = kept
    history = talk.history
    if (tracker.seq, epoch) != (history.seq, history.epoch):
        behind = (epoch, tracker.seq) < (history.epoch, history.seq)
        found.must(behind, f"{sender}: the tracker is at {tracker.seq}, {epoch}, before the log")
        found.counts["trackers behind"] += 1
        return
    replayed = Tracker.replay(sender, domain, history.events, seq=history.seq)
    same = (tracker.events, tracker.slots, tracker.paused) == (
        replayed.events,
        replayed.slots,
        replayed.paused,
    )
    found.must(same, f"{sender}: the kept tracker is not what the log adds up to")
    found.counts["trackers equal"] += 1


def _arrivals(
    talk: Talk,
    conversation: str,
    letters: Sequence[Letter],
    users: Users,
    world: World,
    found: Verdict,
) -> None:
    """Each reply at least once or at most once, in order, and none after a takeover."""
    arrived = world.provider.arrived[conversation]
    times = Counter(text for _, text in arrived)
    states = {letter.outgoing.reply.text: letter.state for letter in letters}
    recorded = [text for said in talk.said.values() for text in said if text.startswith("done ")]
    for text in recorded:
        state = states.get(text)
        found.counts[f"replies {state}"] += 1
        found.must(state in ("sent", "unknown", "withdrawn"), f"{text!r} is {state}")
        found.must(times[text] or state != "sent", f"{text!r} is sent and never arrived")
        if conversation.startswith("telegram"):
            found.must(times[text] <= 1, f"{text!r} arrived {times[text]} times")
        else:
            found.must(times[text] or state == "withdrawn", f"{text!r} never arrived")
            found.counts["replies repeated"] += max(times[text] - 1, 0)
    first = [text for text in dict.fromkeys(text for _, text in arrived) if text in recorded]
    in_order = sorted(first, key=recorded.index)
    found.must(first == in_order, f"{conversation}: replies arrived as {first}")
    for taken_at, quiet in users.taken[conversation]:
        found.counts["takeovers"] += 1
        found.counts["takeovers not sure to be quiet"] += not quiet
        late = [
            text
            for at, text in arrived
            if quiet and at > taken_at and text.removeprefix("done ") in talk.before
        ]
        found.must(not late, f"{conversation}: after the takeover arrived {late}")


def _tickets(world: World) -> Counter[str]:
    """How many there are for each report."""
    with closing(sqlite3.connect(world.shop)) as db:
        keys = [key for (key,) in db.execute("SELECT key FROM tickets")]
    return Counter(key.rpartition("/")[2] for key in keys)


async def _model_id(redis: RedisStores, conversations: Sequence[str]) -> str:
    """Of the servers, whose trackers these are."""
    for conversation in conversations:
        key = redis.link.key(_sender(conversation), "tracker")
        try:
            form = await redis.link.ask("form", "HGET", key, "form")
        except RedisDown:
            continue
        if form:
            return str(form.decode().partition(":")[2])
    return ""


def _sender(conversation: str) -> str:
    channel, _, who = conversation.partition(" ")
    return who if channel == "telegram" else conversation


def _name(text: str) -> str:
    name: str = json.loads(text[text.index("{") :])["n"]
    return name
