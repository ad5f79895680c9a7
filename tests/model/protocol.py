"""A bounded model of how one conversation is worked on: lease, commit, sending, takeover.

What one state has is what SQL, Redis, the messaging service and two workers know of the
conversation; a step is one statement, script or call of the code named in its comment. Between
any two steps anything else may happen: the other worker, a person who takes over (or somebody who
adds or replaces events), a worker killed, or stopped for longer than its lease, Redis lost and
back empty, a call of the service that ends without an answer. ``Rules`` are what the code relies
on; without one of them the search must find what then goes wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

TAKEN, REPLACED, ADDED = -1, -2, -3  # events that no message caused
NOBODY = -1
TURN, SENDING = 0, 1  # the two kinds of lease


class Faults(NamedTuple):
    """How often each may happen."""

    kills: int = 1
    stops: int = 0
    losses: int = 0  # of Redis
    refusals: int = 0  # the service says that it did not take a part
    doubts: int = 0  # the service says nothing, having taken it or not
    repeats: int = 0  # a message delivered again


NO_FAULTS = Faults(kills=0)


@dataclass(frozen=True)
class Rules:
    """What the code does, all of it; a test takes one away."""

    messages: int = 2
    said: int = 0  # replies recorded before, and not sent yet
    pushing: bool = True  # else who asked takes the replies: bot.channels.rest
    may_repeat: bool = False  # of the channel: bot.reply.Sender
    person: str = "takes over"  # or "replaces" the events, or "adds" one
    faults: Faults = NO_FAULTS
    leases: bool = True  # else as if Redis never told who has one
    knows_ids: bool = True  # the inbox is unique by the message's id
    compares_seq: bool = True
    compares_epoch: bool = True
    done_once: bool = True  # a message done is not done again
    commits_before_sending: bool = True
    all_or_nothing: bool = True  # events, replies, message done
    withdraws: bool = True  # a takeover: what waits to be sent
    notes_beginning: bool = True  # before a call, that it begins
    begins_as_it_stood: bool = True  # a part is begun by one
    claims_what_it_doubts: bool = True  # before it is given up
    settles_its_own: bool = True  # not what another has begun since
    leaves_begun_to_the_living: bool = True  # until a call must have ended
    begins_again_after_a_stop: bool = True
    quiet_asks_the_log: bool = True  # else the lease
    sweeps: bool = True  # for messages whose worker died


class Reply(NamedTuple):
    """A row of the outbox; ``begun`` by whom."""

    epoch: int
    state: str = "waiting"
    begun: int = NOBODY


class Turn(NamedTuple):
    at: str = "idle"
    row: int = 0  # of the inbox
    history: tuple[int, ...] = ()
    epoch: int = 0


class Sends(NamedTuple):
    at: str = "idle"
    left: tuple[tuple[int, int], ...] = ()  # rows of the outbox, and who had begun them


class Worker(NamedTuple):
    life: str = "up"  # stopped, dead
    turn: Turn = Turn()
    sends: Sends = Sends()


class State(NamedTuple):
    """Everything anybody knows of the conversation."""

    to_come: tuple[int, ...]  # messages not delivered yet
    log: tuple[int, ...] = ()  # events: the message of each turn, TAKEN, REPLACED
    epoch: int = 0
    inbox: tuple[tuple[int, bool], ...] = ()  # message, done
    outbox: tuple[Reply, ...] = ()
    redis: str = "up"
    leases: tuple[int, int] = (NOBODY, NOBODY)
    kept: tuple[tuple[int, ...], int] | None = None  # a tracker: its history and epoch
    workers: tuple[Worker, Worker] = (Worker(), Worker())
    person: tuple[str, int, int] = ("", 0, 0)  # what it is at, seq and epoch it read
    heard: tuple[int, ...] = ()  # rows of the outbox, as they arrived
    faults: Faults = NO_FAULTS
    wrong: str = ""


Step = tuple[str, State]


def start(rules: Rules) -> State:
    """Before the first message, or after those whose replies are ``said``."""
    earlier = tuple(range(rules.said))
    return State(
        tuple(range(rules.said, rules.said + rules.messages)),
        log=earlier,
        inbox=tuple((message, True) for message in earlier),
        outbox=(Reply(0),) * rules.said,
        faults=rules.faults,
    )


def steps(state: State, rules: Rules) -> Iterator[Step]:
    """What may happen next."""
    yield from _delivered(state, rules)
    for number, worker in enumerate(state.workers):
        if worker.life == "up":
            yield from _turn(state, number, rules)
            yield from _sends(state, number, rules)
        yield from _life(state, number, rules)
    yield from _person(state, rules)
    yield from _redis(state)


def either_way(state: State) -> State:
    """``state``, or the same with the workers exchanged: nothing but numbers tells them apart."""
    other = {NOBODY: NOBODY, 0: 1, 1: 0}
    first, second = (
        worker._replace(
            sends=Sends(worker.sends.at, tuple((row, other[by]) for row, by in worker.sends.left))
        )
        for worker in state.workers
    )
    exchanged = state._replace(
        workers=(second, first),
        leases=(other[state.leases[0]], other[state.leases[1]]),
        outbox=tuple(reply._replace(begun=other[reply.begun]) for reply in state.outbox),
    )
    return min(state, exchanged, key=_order)


def _order(state: State) -> tuple[object, ...]:
    return state.workers, state.leases, state.outbox


def _delivered(state: State, rules: Rules) -> Iterator[Step]:
    """``Inbox.accept``: a row, committed, then the service is answered."""
    if all(worker.life == "dead" for worker in state.workers):
        return
    for message in state.to_come:
        inbox = (*state.inbox, (message, False))
        left = tuple(each for each in state.to_come if each != message)
        yield f"message {message} comes", state._replace(inbox=inbox, to_come=left)
    if state.faults.repeats and not rules.knows_ids:
        for message, _ in state.inbox:
            again = (*state.inbox, (message, False))
            spent = _spent(state, "repeats")
            yield f"message {message} comes again", spent._replace(inbox=again)


# A turn: Inbox._drain and bot.turn.take_turn


def _turn(state: State, number: int, rules: Rules) -> Iterator[Step]:
    turn = state.workers[number].turn
    who = f"worker {number}"
    waiting = next((row for row, (_, done) in enumerate(state.inbox) if not done), None)
    match turn.at:
        case "idle" if waiting is not None and (rules.sweeps or not state.log):
            if taken := _leased(state, number, TURN, rules):
                yield f"{who} has the lease", _at(taken, number, turn=Turn("held"))
        case "held" if waiting is None:
            freed = _freed(state, number, TURN)
            yield f"{who} gives the lease back", _at(freed, number, turn=Turn())
        case "held":
            assert waiting is not None
            next_ = Turn("waits", waiting)
            yield f"{who} finds message {state.inbox[waiting][0]}", _at(state, number, turn=next_)
        case "waits":
            history, epoch = (
                state.kept
                if state.redis == "up" and state.kept
                else (
                    state.log,
                    state.epoch,
                )
            )
            at = "loaded" if rules.commits_before_sending else "hasty"
            loaded = turn._replace(at=at, history=history, epoch=epoch)
            yield f"{who} loads the tracker, seq {len(history)}", _at(state, number, turn=loaded)
        case "hasty":
            outbox = (*state.outbox, Reply(turn.epoch, "sent"))
            hasty = _arrived(state._replace(outbox=outbox), len(outbox) - 1)
            sent = turn._replace(at="loaded")
            yield f"{who} says what it has in mind", _at(hasty, number, turn=sent)
        case "loaded":
            yield _committed(state, number, turn, rules)
        case "half":
            yield (
                f"{who} commits the rest",
                _at(_recorded(state, turn, rules), number, turn=turn._replace(at="keeps")),
            )
        case "keeps":
            kept = (turn.history, turn.epoch)
            if state.kept is not None:  # the newer one stays
                kept = max(kept, state.kept, key=lambda one: (one[1], len(one[0])))
            after = state._replace(kept=kept) if state.redis == "up" else state
            yield f"{who} keeps the tracker", _at(after, number, turn=Turn("held"))


def _committed(state: State, number: int, turn: Turn, rules: Rules) -> Step:
    """``Log.commit``: all or nothing, or Conflict, and what was kept is forgotten."""
    message, done = state.inbox[turn.row]
    fits = (
        (len(turn.history) == len(state.log) or not rules.compares_seq)
        and (turn.epoch == state.epoch or not rules.compares_epoch)
        and not (done and rules.done_once)
    )
    if not fits:
        state = state._replace(kept=None) if state.redis == "up" else state
        return f"worker {number} meets a conflict", _at(state, number, turn=Turn("held"))
    if turn.history != state.log:
        state = state._replace(wrong=f"message {message} is answered as if others had not been")
    if not rules.all_or_nothing:
        marked = state._replace(inbox=_marked(state, turn.row))
        half = turn._replace(at="half")
        return f"worker {number} notes that {message} is done", _at(marked, number, turn=half)
    after = _recorded(state._replace(inbox=_marked(state, turn.row)), turn, rules)
    keeps = turn._replace(at="keeps", history=after.log)
    return f"worker {number} commits message {message}", _at(after, number, turn=keeps)


def _recorded(state: State, turn: Turn, rules: Rules) -> State:
    outbox = state.outbox
    if TAKEN not in turn.history and rules.commits_before_sending:  # else the bot is silent
        outbox = (*outbox, Reply(turn.epoch, "waiting" if rules.pushing else "taken"))
    return state._replace(log=(*state.log, state.inbox[turn.row][0]), outbox=outbox)


def _marked(state: State, row: int) -> tuple[tuple[int, bool], ...]:
    message, _ = state.inbox[row]
    return (*state.inbox[:row], (message, True), *state.inbox[row + 1 :])


# Sending: bot.reply.send_replies


def _sends(state: State, number: int, rules: Rules) -> Iterator[Step]:
    sends = state.workers[number].sends
    who = f"worker {number}"
    waiting = [row for row, reply in enumerate(state.outbox) if reply.state == "waiting"]
    match sends.at:
        case "idle" if waiting:
            if taken := _leased(state, number, SENDING, rules):
                yield f"{who} may send", _at(taken, number, sends=Sends("held"))
        case "held":
            left = tuple((row, state.outbox[row].begun) for row in waiting)
            yield f"{who} finds {len(left)} to send", _at(state, number, sends=Sends("next", left))
        case "next" if not sends.left:
            yield f"{who} has sent all", _stops_sending(state, number)
        case "next":
            yield _begun(state, number, sends, rules)
        case "again":
            row, _ = sends.left[0]
            reply = state.outbox[row]
            if reply.state != "waiting":
                yield f"{who} passes over {row}", _past(state, number)
            elif reply.begun != number:
                yield f"{who} was too late with {row}", _stops_sending(state, number)
            else:
                going = _at(state, number, sends=sends._replace(at="calls"))
                yield f"{who} begins {row} again", _replied(going, row, begun=number)
        case "calls":
            yield from _called(state, number, sends, rules)
        case "sent" | "unknown" as ended:
            row, _ = sends.left[0]
            settled = _settled(state, row, ended, number, rules)
            yield f"{who} records that {row} is {ended}", _past(settled, number)


def _begun(state: State, number: int, sends: Sends, rules: Rules) -> Step:
    """``Log.begin_sending``, or what is in doubt is left, or given up."""
    (row, by), who = sends.left[0], f"worker {number}"
    reply = state.outbox[row]
    alive = by != NOBODY and state.workers[by].life == "up"
    if alive and rules.leaves_begun_to_the_living:
        return f"{who} leaves {row} to who sends it", _stops_sending(state, number)
    in_doubt = by != NOBODY and not rules.may_repeat
    if in_doubt and not rules.claims_what_it_doubts:
        return f"{who} doubts {row}", _at(state, number, sends=sends._replace(at="unknown"))
    as_it_stood = reply.begun == by or not rules.begins_as_it_stood
    if reply.state == "waiting" and as_it_stood:
        begun = _replied(state, row, begun=number if rules.notes_beginning else NOBODY)
        if in_doubt:
            return f"{who} doubts {row}", _at(begun, number, sends=sends._replace(at="unknown"))
        if reply.epoch < state.epoch:
            begun = begun._replace(wrong=f"reply {row} is begun after the takeover")
        return f"{who} begins {row}", _at(begun, number, sends=sends._replace(at="calls"))
    if reply.state == "waiting":  # another is at it
        return f"{who} leaves {row}", _stops_sending(state, number)
    return f"{who} passes over {row}", _past(state, number)


def _called(state: State, number: int, sends: Sends, rules: Rules) -> Iterator[Step]:
    """``Sender.send``: it arrives, or is refused, or nobody can tell."""
    row, _ = sends.left[0]
    who = f"worker {number}"
    answered = _at(_arrived(state, row), number, sends=sends._replace(at="sent"))
    yield f"{who} sends {row}", answered
    if state.faults.refusals:
        later = _spent(state, "refusals")
        if state.outbox[row].begun == number:
            later = _replied(later, row, begun=NOBODY)
        yield f"{who} is refused {row}", _stops_sending(later, number)
    if state.faults.doubts:
        at = "calls" if rules.may_repeat else "unknown"
        doubting = _at(_spent(state, "doubts"), number, sends=sends._replace(at=at))
        yield f"{who} calls for {row} in vain", doubting
        yield f"{who} sends {row} and hears nothing", _arrived(doubting, row)


def _arrived(state: State, row: int) -> State:
    wrong = state.wrong
    if state.person[0] == "quiet" and state.outbox[row].epoch < state.epoch:
        wrong = f"reply {row} arrives after the person was told that the bot is silent"
    return state._replace(heard=(*state.heard, row), wrong=wrong)


def _settled(state: State, row: int, ended: str, number: int, rules: Rules) -> State:
    """``Log.mark_sent``: told by who began it last, or of what is no longer to be sent."""
    reply = state.outbox[row]
    if reply.begun == number or not rules.settles_its_own:
        return _replied(state, row, state=ended, begun=NOBODY)
    return state if reply.state == "waiting" else _replied(state, row, state=ended)


def _past(state: State, number: int) -> State:
    left = state.workers[number].sends.left[1:]
    return _at(state, number, sends=Sends("next", left))


def _stops_sending(state: State, number: int) -> State:
    return _at(_freed(state, number, SENDING), number, sends=Sends())


def _replied(state: State, row: int, /, **fields: object) -> State:
    """What is recorded of a reply; withdrawn it stays unless it went out nevertheless."""
    after = state.outbox[row]._replace(**fields)  # type: ignore[arg-type]
    return state._replace(outbox=(*state.outbox[:row], after, *state.outbox[row + 1 :]))


# Leases: bot.store.redis.RedisLeases


def _leased(state: State, number: int, kind: int, rules: Rules) -> State | None:
    """With the lease, if it may be had; without Redis everybody has it."""
    if state.redis != "up" or not rules.leases:
        return state
    if state.leases[kind] not in (NOBODY, number):
        return None
    return _lease(state, kind, number)


def _freed(state: State, number: int, kind: int) -> State:
    return _lease(state, kind, NOBODY) if state.leases[kind] == number else state


def _lease(state: State, kind: int, holder: int) -> State:
    turn, sending = state.leases
    return state._replace(leases=(holder, sending) if kind == TURN else (turn, holder))


# Who takes over, and what goes wrong


def _person(state: State, rules: Rules) -> Iterator[Step]:
    """``bot.handoff.take_over``, or ``Log.replace``."""
    at, seq, epoch = state.person
    match at:
        case "" if state.log:
            yield "a person looks", state._replace(person=("read", len(state.log), state.epoch))
        case "read" if (seq, epoch) != (len(state.log), state.epoch):
            yield "the person was too slow", state._replace(person=("", 0, 0))
        case "read" if rules.person == "replaces":
            replaced = state._replace(log=(REPLACED,) * seq, epoch=epoch + 1)
            yield "the person replaces the events", replaced._replace(person=("did", 0, 0))
        case "read" if rules.person == "adds":
            added = state._replace(log=(*state.log, ADDED))
            yield "the person adds an event", added._replace(person=("did", 0, 0))
        case "read":
            outbox = state.outbox
            if rules.withdraws:
                outbox = tuple(
                    reply._replace(state="withdrawn") if reply.state == "waiting" else reply
                    for reply in outbox
                )
            taken = state._replace(log=(*state.log, TAKEN), epoch=epoch + 1, outbox=outbox)
            yield "the person takes over", taken._replace(person=("asks", 0, 0))
        case "asks":
            if rules.quiet_asks_the_log:
                quiet = not any(_on_its_way(reply, state) for reply in state.outbox)
            else:
                quiet = state.redis != "up" or state.leases[SENDING] == NOBODY
            if quiet:
                yield "the person is told: quiet", state._replace(person=("quiet", 0, 0))


def _on_its_way(reply: Reply, state: State) -> bool:
    """Whether a call that began before the takeover may still last; of the dead, after a while."""
    if reply.epoch >= state.epoch or reply.begun == NOBODY:
        return False
    return state.workers[reply.begun].life != "dead"


def _life(state: State, number: int, rules: Rules) -> Iterator[Step]:
    worker, who = state.workers[number], f"worker {number}"
    if worker.life == "up" and state.faults.kills and worker != Worker():
        yield f"{who} is killed", _at(_spent(state, "kills"), number, life="dead")
    if worker.life == "up" and state.faults.stops and worker != Worker():
        yield f"{who} is stopped", _at(_spent(state, "stops"), number, life="stopped")
    if worker.life == "stopped":
        sends = worker.sends
        if sends.at == "calls" and rules.begins_again_after_a_stop:
            sends = sends._replace(at="again")
        yield f"{who} goes on", _at(state, number, life="up", sends=sends)
    if worker.life != "up" and number in state.leases:
        holders = tuple(NOBODY if holder == number else holder for holder in state.leases)
        yield f"{who}'s leases end", state._replace(leases=(holders[0], holders[1]))


def _redis(state: State) -> Iterator[Step]:
    if state.redis == "up" and state.faults.losses:
        lost = _spent(state, "losses")
        yield "Redis is lost", lost._replace(redis="down", leases=(NOBODY, NOBODY), kept=None)
    if state.redis == "down":
        yield "Redis is back, empty", state._replace(redis="up")


def _at(state: State, number: int, /, **fields: object) -> State:
    after = state.workers[number]._replace(**fields)  # type: ignore[arg-type]
    first, second = state.workers
    return state._replace(workers=(after, second) if number == 0 else (first, after))


def _spent(state: State, name: str) -> State:
    left = {name: getattr(state.faults, name) - 1}
    return state._replace(faults=state.faults._replace(**left))


# What must hold


def wrong(state: State, rules: Rules) -> str:
    """What must never be."""
    if state.wrong:
        return state.wrong
    spoken = [event for event in state.log if event >= 0]
    if len(set(spoken)) < len(spoken):
        return f"a message is recorded twice: {state.log}"
    if rules.person != "replaces":
        accepted = [message for message, _ in state.inbox]
        if spoken != accepted[: len(spoken)]:
            return f"messages came as {accepted} and are recorded as {spoken}"
    first = list(dict.fromkeys(state.heard))
    if first != sorted(first):
        return f"replies arrive as {state.heard}"
    if not rules.may_repeat and len(first) < len(state.heard):
        return f"a reply arrives twice where that must not be: {state.heard}"
    return ""


def _spoken(state: State) -> int:
    return sum(event >= 0 for event in state.log)


def wrong_at_the_end(state: State, rules: Rules) -> str:
    """What must not be when nothing is left to do."""
    if state.to_come or not all(done for _, done in state.inbox):
        return "a message is lost"
    if rules.person != "replaces" and _spoken(state) < len(state.inbox):
        return "a message is done and not recorded"
    for row, reply in enumerate(state.outbox):
        if reply.state == "waiting":
            return f"reply {row} waits for ever"
        if reply.state == "sent" and row not in state.heard:
            return f"reply {row} is said to be sent and never arrived"
        if reply.state == "unknown" and rules.may_repeat:
            return f"reply {row} was given up"
    return ""
