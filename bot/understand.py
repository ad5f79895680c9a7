"""What the user wrote becomes an event, read as a payload or by NLU; then slots are filled."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import structlog

from bot.actions.extraction import extract_slots
from bot.actions.stage import Stage
from bot.dialogue.context import context_of
from bot.dialogue.domain import DEFAULT_INTENTS, Domain
from bot.dialogue.events import Event, UserUttered
from bot.dialogue.messages import Message
from bot.dialogue.moment import remembered, written, written_at
from bot.dialogue.tracker import Tracker
from bot.errors import Unavailable
from bot.services import Services
from bot.stopwatch import Stopwatch
from nlu.parse import Context, Entity, Intent, Parse, is_expectant

# /name, then a confidence, then entities: /greet@0.9{"name": "Ada"}
_PAYLOAD = re.compile(
    r"/(?P<name>[^{@]+)(?:@(?P<confidence>[^{]*))?(?P<entities>\{.*\})?", re.DOTALL
)
_UNWELCOME = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
MOST_WORDS = 200  # states looked back on for words: more than any policy does
EXTRACTOR = "RegexMessageHandler"  # as Rasa names it in such entities

log = structlog.get_logger(__name__)


async def understand(
    message: Message,
    tracker: Tracker,
    parley: Services,
    *,
    call_id: str = "",
    watch: Stopwatch | None = None,
) -> list[Event]:
    """What the user said, and the slots it fills.

    Args:
        call_id: Names this step of the turn, for the action server.
        watch: Times the steps nlu and slots.

    Raises Unavailable when NLU cannot be reached; then nothing has happened yet.
    """
    watch = watch or Stopwatch()
    text = cleaned(message.text)
    at = written_at(message.metadata) or message.received or parley.clock()
    with watch.step("nlu"):
        parse = (
            message.parse
            or read_payload(text, parley.bot.domain)
            or await _parsed(text, written(context_of(tracker), message, at), parley)
        )
    user = UserUttered(
        text=text,
        parse_data=parse,
        input_channel=message.input_channel,
        message_id=message.message_id or None,
        metadata={**message.metadata, **remembered(parse, at)},
    )
    channel = message.output_channel
    stage = Stage(
        *(parley.bot.domain, parley.actions, parley.random, channel, f"{call_id}:slots"),
        parley.wording,
    )
    heard = tracker.apply(user)
    with watch.step("nlu"):
        await know_words(heard, parley)
    with watch.step("slots"):
        return [user, *await extract_slots(heard, stage)]


def expect(message: Message, parley: Services) -> None:
    """Let the NLU begin with what is about to be understood, if it can."""
    text = cleaned(message.text)
    is_read = message.parse is None and text and not text.startswith("/")
    if is_read and is_expectant(parley.nlu):
        parley.nlu.expect(text)


async def _parsed(text: str, context: Context, parley: Services) -> Parse:
    if not text:
        return Parse("")
    with _reached():
        return await parley.nlu.parse(text, context)


async def know_words(tracker: Tracker, parley: Services) -> None:
    """Have what the policies will read of the user's words in ``tracker``. Raises Unavailable."""
    if parley.bot.ranking:
        with _reached():
            await parley.bot.ranking.know(tracker)
    if (sentences := parley.bot.sentences) is None:
        return
    said = [state.user.text for state in tracker.states[-MOST_WORDS:] if state.user]
    with _reached():
        await sentences.know(text for text in said if text and not text.startswith("/"))


@contextmanager
def _reached() -> Iterator[None]:
    """Whatever breaks in the NLU raises Unavailable: the message waits, and is tried again."""
    try:
        yield
    except Unavailable:
        raise
    except Exception as error:
        log.exception("nlu.failed")
        raise Unavailable(f"The message could not be understood now: {error}") from error


def cleaned(text: str) -> str:
    """``text`` stripped, without what no database or model takes: controls and lone surrogates."""
    return _UNWELCOME.sub("", text.encode("utf-8", "replace").decode()).strip()


def read_payload(text: str, domain: Domain) -> Parse | None:
    """``/intent@0.5{"entity": "value"}`` read as it says; None when it is no such thing."""
    if not text.startswith("/") or (match := _PAYLOAD.match(text)) is None:
        return None
    name = match["name"].strip()
    if name not in domain.intents and name not in DEFAULT_INTENTS:
        return None
    intent = Intent(name, _confidence(match["confidence"]))
    return Parse(text, intent, _entities(match, domain), (intent,))


def _confidence(written: str | None) -> float:
    if written is None:
        return 1.0
    try:
        return max(0.0, min(1.0, float(written)))
    except ValueError:
        return 0.0


def _entities(match: re.Match[str], domain: Domain) -> tuple[Entity, ...]:
    """Each entity known to the domain; a list stands for several."""
    try:
        given = msgspec.json.decode(match["entities"] or "{}", type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError):
        return ()
    start, end = match.span("entities")
    return tuple(
        Entity(name, value, start, end, extractor=EXTRACTOR)
        for name, values in given.items()
        if name in domain.entities
        for value in (values if isinstance(values, list) else [values])
    )
