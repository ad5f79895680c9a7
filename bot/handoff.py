"""A person instead of the bot: asked for, taken over, spoken as, handed back.

While a person has a conversation, what its user says is logged and understood, and the bot is
silent. Taking over raises the conversation's epoch: a turn that began before is refused when it is
to be recorded, and what the bot had said and not sent yet is withdrawn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from bot.dialogue.events import (
    ActionExecuted,
    AgentUttered,
    BotUttered,
    ConversationPaused,
    ConversationResumed,
    Event,
)
from bot.dialogue.messages import Message
from bot.dialogue.policy import LISTEN
from bot.dialogue.responses import reply
from bot.dialogue.tracker import AGENT, Tracker
from bot.effects import QUEUE
from bot.errors import Conflict, NotFound
from bot.reply import DOUBT_S
from bot.services import Services
from bot.store.base import Handoff
from bot.turn import NEWS, load_current

MESSAGE_ID = "message_id"
MOST_TRIES = 5
LOOK_AGAIN_S = 0.05

Change = Callable[[Tracker, int], Awaitable[Tracker]]


async def ask_for_person(conversation_id: str, parley: Services, *, reason: str = "") -> Handoff:
    """Put the conversation into the queue; the bot goes on until a person takes over.

    Raises NotFound for one that never was.
    """
    await _existing(conversation_id, parley)
    asked = await parley.log.ask_for_person(conversation_id, reason=reason)
    await parley.news.publish(QUEUE, NEWS)
    return asked


async def take_over(
    conversation_id: str, parley: Services, *, agent: str, force: bool = False
) -> tuple[Tracker, bool]:
    """``agent`` has the conversation, and the bot is silent.

    Gives the tracker, and whether it is sure that nothing the bot said before is still on its way:
    a call of the channel's service that hangs is waited for, for as long as one may last.

    Raises NotFound for a conversation that never was, Conflict where another person has it, unless
    ``force``.
    """

    async def take(tracker: Tracker, epoch: int) -> Tracker:
        now_has = await parley.log.handoff(conversation_id)
        if now_has and now_has.agent == agent:
            return tracker
        if now_has and now_has.agent and not force:
            raise _TakenBy(f"{now_has.agent!r} has conversation {conversation_id!r}.")
        paused = ConversationPaused(timestamp=parley.clock(), metadata={AGENT: agent})
        after = tracker.apply(paused)
        await parley.log.take_over(
            conversation_id, [paused], seq=tracker.seq, epoch=epoch, agent=agent
        )
        await parley.trackers.keep(after, epoch=epoch + 1)
        return after

    taken = await _changed(conversation_id, parley, take)
    await parley.news.publish(QUEUE, NEWS)
    return taken, await _is_quiet(conversation_id, parley)


async def speak(
    message: Message,
    parley: Services,
    *,
    agent: str,
    text: str,
    data: dict[str, Any] | None = None,
    message_id: str = "",
    pushed: bool,
) -> Tracker:
    """``agent`` says ``text`` to the user where ``message`` comes from.

    The same ``message_id`` again says nothing more. Raises NotFound, and Conflict unless ``agent``
    has the conversation.
    """
    conversation_id = message.conversation_id

    async def say(tracker: Tracker, epoch: int) -> Tracker:
        await _own(conversation_id, parley, agent)
        if message_id and _was_said(tracker.events, message_id):
            return tracker
        known = {AGENT: agent, **({MESSAGE_ID: message_id} if message_id else {})}
        said = AgentUttered(text=text, data=data or None, timestamp=parley.clock(), metadata=known)
        told = reply(BotUttered(text=text, data=data or {}), conversation_id)
        after = tracker.apply(said)
        await parley.log.commit(
            conversation_id,
            [said],
            seq=tracker.seq,
            epoch=epoch,
            replies=[told],
            channel=message.channel,
            sent=not pushed,
        )
        await parley.trackers.keep(after, epoch=epoch)
        return after

    return await _changed(conversation_id, parley, say)


async def hand_back(
    conversation_id: str, parley: Services, *, agent: str, force: bool = False
) -> Tracker:
    """The bot goes on with what the user says next.

    Raises NotFound, and Conflict unless ``agent``, or with ``force`` anybody, has the conversation.
    """

    async def give(tracker: Tracker, epoch: int) -> Tracker:
        await _own(conversation_id, parley, agent, force=force)
        now = parley.clock()
        back: list[Event] = [ConversationResumed(timestamp=now, metadata={AGENT: agent})]
        if tracker.latest_action_name != LISTEN:  # the action that asked for the person paused it
            back.insert(0, ActionExecuted(name=LISTEN, timestamp=now, metadata={AGENT: agent}))
        after = tracker
        for event in back:
            after = after.apply(event)
        await parley.log.hand_back(conversation_id, back, seq=tracker.seq, epoch=epoch)
        await parley.trackers.keep(after, epoch=epoch)
        return after

    given = await _changed(conversation_id, parley, give)
    await parley.news.publish(QUEUE, NEWS)
    return given


class _TakenBy(Conflict):
    """Another person has it; trying again does not help."""


async def _changed(conversation_id: str, parley: Services, change: Change) -> Tracker:
    """``change`` made to the conversation as it stands; again, when somebody was quicker."""
    for _ in range(MOST_TRIES):
        tracker, epoch = await _existing(conversation_id, parley)
        try:
            after = await change(tracker, epoch)
        except _TakenBy:
            raise
        except Conflict:
            await parley.trackers.forget(conversation_id)
            continue
        await parley.news.publish(conversation_id, NEWS)
        return after
    raise Conflict(f"Conversation {conversation_id!r} is busy; ask again.")


async def _existing(conversation_id: str, parley: Services) -> tuple[Tracker, int]:
    tracker, epoch = await load_current(conversation_id, parley)
    if not tracker.seq:
        raise NotFound(f"There is no conversation {conversation_id!r}.")
    return tracker, epoch


async def _own(conversation_id: str, parley: Services, agent: str, *, force: bool = False) -> None:
    now_has = await parley.log.handoff(conversation_id)
    if now_has is None or now_has.agent is None:
        raise _TakenBy(f"Nobody has conversation {conversation_id!r}; take it over first.")
    if now_has.agent != agent and not force:
        raise _TakenBy(f"{now_has.agent!r} has conversation {conversation_id!r}.")


async def _is_quiet(conversation_id: str, parley: Services) -> bool:
    """Whether no call with what was withdrawn is under way any more, waiting until it is so.

    The log knows, not the lease: without Redis everybody has that.
    """
    since = parley.clock() - DOUBT_S
    try:
        async with asyncio.timeout(DOUBT_S):
            while True:
                if not await parley.log.is_on_its_way(conversation_id, since=since):
                    return True
                await asyncio.sleep(LOOK_AGAIN_S)
    except TimeoutError:
        return False


def _was_said(events: Sequence[Event], message_id: str) -> bool:
    return any(
        isinstance(event, AgentUttered) and event.metadata.get(MESSAGE_ID) == message_id
        for event in reversed(events)
    )


def as_told(handoff: Handoff) -> dict[str, Any]:
    """``handoff`` for programs."""
    return {
        "conversation_id": handoff.conversation_id,
        "state": "taken" if handoff.agent else "waiting",
        "agent": handoff.agent,
        "reason": handoff.reason,
        "since": handoff.since,
    }
