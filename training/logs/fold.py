"""The events of a conversation, one after another, become its user's turns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bot.dialogue.events import (
    ActionExecuted,
    AgentUttered,
    BotUttered,
    Event,
    Restarted,
    SessionStarted,
    UserUtteranceReverted,
    UserUttered,
)
from bot.review.item import Said
from bot.review.turn import Turn
from nlu.fallback import NLU_FALLBACK
from nlu.parse import Parse

LISTENING = ("action_listen", "action_session_start")
LABEL = "labelled"  # in a user event's metadata: the intent that a data set has for it
MOST = 20  # actions and replies remembered of one turn


@dataclass(slots=True)
class _Open:
    """A turn whose end has not been seen."""

    seq: int
    event: UserUttered
    before: str
    actions: list[str] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    agent: list[str] = field(default_factory=list)
    clicked: str | None = None
    is_reverted: bool = False


@dataclass(slots=True)
class Fold:
    """A conversation as far as it was read. A turn is told when the next one begins.

    Args:
        conversation_id, origin: Of its turns.
    """

    conversation_id: str
    origin: str
    _before: str = ""
    _open: _Open | None = None

    @property
    def open_seq(self) -> int | None:
        """The seq of the turn that has not ended."""
        return self._open.seq if self._open else None

    def feed(self, seq: int, event: Event) -> Turn | None:
        """The turn that ``event`` ends."""
        match event:
            case UserUttered():
                return self._user(seq, event)
            case SessionStarted() | Restarted():
                self._before = ""
                return self.end()
            case BotUttered(text=text):
                self._said(text, self._open.replies if self._open else None)
            case AgentUttered(text=text):
                self._said(text, self._open.agent if self._open else None)
            case ActionExecuted(name=str(name)) if self._open and name not in LISTENING:
                _add(self._open.actions, name)
            case UserUtteranceReverted() if self._open:
                self._open.is_reverted = True
            case _:
                pass
        return None

    def end(self) -> Turn | None:
        """The turn that was open, now that nothing more comes."""
        ended, self._open = self._open, None
        return _turn(self, ended) if ended else None

    def _user(self, seq: int, event: UserUttered) -> Turn | None:
        text = (event.text or "").strip()
        if text and not text.startswith("/"):
            before = self._before
            ended = self.end()
            self._open = _Open(seq, event, before)
            return ended
        if self._open and text and not self._open.clicked:
            self._open.clicked = event.intent or text[1:].partition("{")[0] or None
        return None

    def _said(self, text: str | None, kept: list[str] | None) -> None:
        if text:
            self._before = text
            if kept is not None:
                _add(kept, text)


def _add(kept: list[str], one: str) -> None:
    if len(kept) < MOST:
        kept.append(one)


def _turn(fold: Fold, ended: _Open) -> Turn:
    event = ended.event
    parse = event.parse_data or Parse(event.text or "")
    ranked = [one for one in parse.intent_ranking if one.name != NLU_FALLBACK]
    best = ranked[0] if ranked else parse.intent
    return Turn(
        conversation_id=fold.conversation_id,
        seq=ended.seq,
        text=(event.text or "").strip(),
        origin=fold.origin,
        at=event.timestamp or 0.0,
        channel=event.input_channel or "",
        before=ended.before,
        said=Said(best.name, best.confidence, parse.entities, _text(event.metadata, "model_id")),
        runner_up=ranked[1].confidence if len(ranked) > 1 else 0.0,
        fell_back=parse.intent.name == NLU_FALLBACK,
        actions=tuple(ended.actions),
        replies=tuple(ended.replies),
        agent=tuple(ended.agent),
        clicked=ended.clicked,
        is_reverted=ended.is_reverted,
        labelled=_text(event.metadata, LABEL) or None,
    )


def _text(metadata: dict[str, Any], key: str) -> str:
    told = metadata.get(key)
    return told if isinstance(told, str) else ""


def labelled(text: str, intent: str | None, **fields: Any) -> UserUttered:
    """A user event of a data set that tells what is right."""
    metadata = {} if intent is None else {LABEL: intent}
    return UserUttered(text=text, metadata=metadata, **fields)
