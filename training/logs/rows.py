"""What a row of a file says: an event of a conversation, or several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from bot.dialogue.events import AgentUttered, BotUttered, Event
from nlu.parse import Entity, Intent, Parse
from training.logs.fold import labelled

Format = Literal["rasa", "jsonl", "csv"]
MOST_TURNS = 100_000  # of a dialogue in one row

USERS = ("user", "customer", "client", "human", "usr")
BOTS = ("bot", "system", "assistant", "sys")
AGENTS = ("agent", "operator")


class BadRow(ValueError):
    """A row that cannot be used; ``str()`` says why, without its content."""


@dataclass(frozen=True)
class Fields:
    """Where a row of one's own format has what is needed; dots lead into nested values.

    ``turns`` names the list of a dialogue's turns, where a row is a whole dialogue; the other
    fields but ``conversation`` are then those of a turn. ``text`` may be ``.`` where a turn is
    nothing but text. A row without a ``speaker`` was said by the user. ``intent`` and
    ``confidence`` are what a model said, ``label`` is what is right. ``users`` and ``agents`` are
    names of speakers beside the usual ones; ``*`` among the users is everybody.
    """

    conversation: str = "conversation_id"
    turns: str = ""
    speaker: str = "speaker"
    text: str = "text"
    at: str = "at"
    intent: str = "intent"
    confidence: str = "confidence"
    entities: str = "entities"
    label: str = "label"
    users: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """An event, its conversation, and its number there or, in a dialogue of one row, in the row."""

    conversation_id: str
    event: Event
    number: int = 0


def read_rasa(row: Mapping[str, Any]) -> Iterator[Told]:
    """A tracker event: ``{sender_id, event: {…}}``, or the event with ``sender_id`` in it, as
    Rasa's event brokers write it."""
    sender, event = row.get("sender_id"), row.get("event")
    if not isinstance(sender, str) or not sender:
        raise BadRow("there is no sender_id")
    body = event if isinstance(event, Mapping) else row
    try:
        yield Told(sender, msgspec.convert(body, Event))
    except msgspec.ValidationError as error:
        raise BadRow(f"no event of Rasa{place_of(error)}") from error


def place_of(error: msgspec.MsgspecError) -> str:
    """Where the trouble is, without what stands there: that was not scrubbed."""
    _, at, place = str(error).rpartition(" - at ")
    return f": look at {place.strip('`')}" if at else ""


def reader(form: Format, fields: Fields) -> Callable[[Mapping[str, Any]], Iterator[Told]]:
    """What reads a row of this form."""
    if form == "rasa":
        return read_rasa
    return lambda row: read_row(row, fields)


def read_row(row: Mapping[str, Any], fields: Fields) -> Iterator[Told]:
    """An utterance, or the utterances of a dialogue. Raises BadRow."""
    conversation = _at(row, fields.conversation)
    if isinstance(conversation, int | float) and not isinstance(conversation, bool):
        conversation = str(conversation)
    if not isinstance(conversation, str) or not conversation.strip():
        raise BadRow(f"there is no {fields.conversation!r}")
    if not fields.turns:
        yield Told(conversation, _said(row, fields))
        return
    turns = _at(row, fields.turns)
    if not isinstance(turns, list):
        raise BadRow(f"{fields.turns!r} is no list of turns")
    if len(turns) > MOST_TURNS:
        raise BadRow(f"{len(turns)} turns; at most {MOST_TURNS} are possible")
    for number, turn in enumerate(turns):
        yield Told(conversation, _said(turn, fields), number)


def _said(turn: Any, fields: Fields) -> Event:
    text = turn if fields.text == "." else _at(turn, fields.text)
    if not isinstance(text, str):
        raise BadRow(f"there is no {fields.text!r}")
    at = _time(_at(turn, fields.at))
    match _role(_at(turn, fields.speaker), fields):
        case "bot":
            return BotUttered(text=text, timestamp=at)
        case "agent":
            return AgentUttered(text=text, timestamp=at)
    label = _at(turn, fields.label)
    said = labelled(text, label if isinstance(label, str) and label.strip() else None)
    return msgspec.structs.replace(said, timestamp=at, parse_data=_parse(text, turn, fields))


def _role(speaker: Any, fields: Fields) -> Literal["user", "bot", "agent"]:
    if speaker is None:
        return "user"
    name = str(speaker).strip()
    if name in fields.users or "*" in fields.users:
        return "user"
    if name in fields.agents:
        return "agent"
    known = name.casefold()
    if known in USERS:
        return "user"
    if known in BOTS:
        return "bot"
    if known in AGENTS:
        return "agent"
    raise BadRow(
        "nobody knows who its speaker is; known are "
        f"{', '.join((*USERS, *BOTS, *AGENTS))} and those named as users or agents"
    )


def _parse(text: str, turn: Any, fields: Fields) -> Parse | None:
    intent = _at(turn, fields.intent)
    if not isinstance(intent, str) or not intent:
        return None
    try:
        confidence = float(_at(turn, fields.confidence) or 0.0)
    except (TypeError, ValueError) as error:
        raise BadRow(f"{fields.confidence!r} is no number") from error
    if not 0.0 <= confidence <= 1.0:
        raise BadRow(f"{fields.confidence!r} is not between 0 and 1")
    try:
        entities = msgspec.convert(_at(turn, fields.entities) or [], tuple[Entity, ...])
    except msgspec.ValidationError as error:
        raise BadRow(f"{fields.entities!r} are no entities{place_of(error)}") from error
    found = Intent(intent, confidence)
    return Parse(text, found, entities, (found,))


def _time(told: Any) -> float | None:
    """Seconds since 1970, told as a number or in ISO 8601."""
    if told is None or told == "":
        return None
    try:
        if isinstance(told, str) and not told.replace(".", "", 1).isdigit():
            return datetime.fromisoformat(told).timestamp()
        return float(told)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadRow("its time is neither a number of seconds nor ISO 8601") from error


def _at(row: Any, path: str) -> Any:
    """What is found by following ``path``; None where it leads nowhere."""
    if isinstance(row, Mapping) and path in row:
        return row[path]
    for key in path.split("."):
        if isinstance(row, Mapping):
            row = row.get(key)
        elif isinstance(row, list) and key.isdecimal() and int(key) < len(row):
            row = row[int(key)]
        else:
            return None
    return row
