"""What happens to a message that no turn could answer: the user is told, and the log has it."""

from __future__ import annotations

from collections.abc import Collection

from bot.dialogue.events import ActionExecuted, BotUttered, Event, SessionStarted, UserUttered
from bot.dialogue.messages import Reply
from bot.dialogue.policy import LISTEN
from bot.dialogue.tracker import SESSION_START
from bot.services import Services
from bot.store.base import Waiting
from bot.turn import NEWS, Done, Told, Turn, load_current, nobody
from nlu.parse import Parse

APOLOGY = "Sorry, something went wrong on our side and I could not answer that message."


async def apologise(
    waiting: Waiting,
    parley: Services,
    *,
    pushing: Collection[str] = (),
    told: Told = nobody,
    text: str = APOLOGY,
) -> Done:
    """Record the message as one nobody understood, and answer it with ``text``.

    Where a person has the conversation, or the bot was told to be silent, nothing is answered.
    Takes a turn's place: raises Conflict and Unavailable as a turn does.
    """
    message = waiting.message
    tracker, epoch = await load_current(message.conversation_id, parley)
    turn = Turn(tracker, parley)
    if not tracker.applied:
        turn.add(ActionExecuted(name=SESSION_START), SessionStarted(), ActionExecuted(name=LISTEN))
    said: Event = UserUttered(
        text=message.text,
        parse_data=Parse(message.text),
        input_channel=message.input_channel,
        message_id=message.message_id or None,
        metadata=dict(message.metadata),
    )
    turn.add(said)
    replies = []
    if not tracker.paused:
        turn.add(BotUttered(text=text), ActionExecuted(name=LISTEN))
        replies = [Reply(message.conversation_id, text)]
    await parley.log.commit(
        message.conversation_id,
        turn.events,
        seq=tracker.seq,
        epoch=epoch,
        inbox_id=waiting.inbox_id,
        replies=replies,
        channel=message.channel,
        sent=message.channel not in pushing,
    )
    told(replies)
    # The next turn reads the log: what is kept of this conversation may have been the trouble.
    await parley.trackers.forget(message.conversation_id)
    await parley.news.publish(message.conversation_id, NEWS)
    return Done(turn.tracker, turn.events, replies, 0, turn.watch)
