"""Recordings of a real Rasa 3.6 server, replayed in this process."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from bot.channels.base import parts
from bot.dialogue.events import (
    ActionExecuted,
    ActionExecutionRejected,
    BotUttered,
    Event,
    Restarted,
    SessionStarted,
    UserUtteranceReverted,
)
from bot.dialogue.messages import Message
from bot.dialogue.tracker import Tracker, event_state
from bot.services import Services
from bot.testing.services import HandClock
from bot.turn import take_turn
from nlu.parse import Parse

GOLDEN = Path(__file__).parents[2] / ".." / "shared" / "rasa-golden"

# What differs from run to run, or only explains a decision.
VOLATILE = frozenset(
    {
        "timestamp",
        "message_id",
        "model_id",
        "assistant_id",
        "recipient_id",
        "date_time",
        "policy",
        "confidence",
        "hide_rule_turn",
        "text_tokens",
        "full_retrieval_intent_name",
        "response_selector",
    }
)


@dataclass
class Difference:
    """Where ours is not what Rasa answered."""

    step: int
    part: str
    got: Any
    want: Any


@dataclass
class Recording:
    """One file of recordings."""

    content: dict[str, Any]
    conversations: list[dict[str, Any]] = field(default_factory=list)

    @property
    def project(self) -> Path:
        return GOLDEN / "projects" / self.content["project"]

    def told(self) -> Iterator[dict[str, Any]]:
        """The conversations that go through the REST channel alone."""
        for conversation in self.conversations:
            if not any("http" in step for step in conversation["steps"]):
                yield conversation

    def parses(self) -> dict[str, Parse]:
        """What NLU made of each text."""
        found: dict[str, Parse] = {}
        for event in _events(self.content):
            if event["event"] == "user" and event.get("parse_data"):
                data = {"text": event["text"], **event["parse_data"]}
                data["entities"] = [{"start": 0, "end": 0, **each} for each in data["entities"]]
                found[event["text"]] = msgspec.convert(data, Parse)
        return found


def load(name: str) -> Recording:
    content = json.loads((GOLDEN / f"{name}.json").read_text())
    return Recording(content, content["conversations"])


async def replay(
    recording: Recording, conversation: dict[str, Any], parley: Services, clock: HandClock
) -> list[Difference]:
    """Say what was said to Rasa; what is different?"""
    conversation_id = conversation["id"]
    limit = conversation.get("compare_first_steps")
    differences: list[Difference] = []
    for number, step in enumerate(conversation["steps"]):
        if "sleep" in step:
            clock.advance(step["sleep"])
            continue
        clock.advance(0.01)
        await parley.log.accept(_message(conversation_id, step["user"]))
        waiting = await parley.log.waiting(conversation_id)
        assert waiting is not None
        done = await take_turn(waiting, parley)
        await _check_replay(done.tracker, parley)
        if step.get("mute") or (limit is not None and number >= limit):
            continue
        said = [part for reply in done.replies for part in parts(reply)]
        events = [plain(event_state(event)) for event in done.events]
        events = _same_wording(events, step["new_events"], recording.content)
        state = _state(done.tracker.state())
        for part, got, want in (
            ("bot", _same_texts(plain(said), step, recording.content), plain(step["bot"])),
            ("events", events, plain(step["new_events"])),
            ("state", plain(state), plain(step["state"])),
        ):
            if got != want:
                differences.append(Difference(number, part, got, want))
    return differences


async def _check_replay(tracker: Tracker, parley: Services) -> None:
    """What was kept must be what the log adds up to, whatever the conversation did."""
    history = await parley.log.history(tracker.conversation_id)
    domain = parley.bot.domain
    replayed = Tracker.replay(tracker.conversation_id, domain, history.events, seq=history.seq)
    # These look back to before the session, which the log's latest session does not hold.
    back = {"events", "applied", "latest_input_channel"}
    for name in Tracker.__struct_fields__:
        if name not in back:
            assert getattr(replayed, name) == getattr(tracker, name), name


def plain(value: Any) -> Any:
    """``value`` without what differs between runs, and without what is empty."""
    if isinstance(value, dict):
        if value.get("event") == "user":
            value = {**value, "parse_data": _parse(value)}
        kept = {key: plain(item) for key, item in value.items() if key not in VOLATILE}
        return {key: item for key, item in kept.items() if item not in (None, {}, [])}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return round(value, 3) if isinstance(value, float) else value


def _parse(user: dict[str, Any]) -> dict[str, Any]:
    data = user.get("parse_data") or {}
    known = {key: value for key, value in data.items() if key not in ("text", "metadata")}
    # Where an action made the message up, Rasa has no offsets and we have zeros.
    return {**known, "entities": [_entity(each) for each in known.get("entities", ())]}


def _entity(entity: dict[str, Any]) -> dict[str, Any]:
    if entity.get("end"):
        return entity
    return {key: value for key, value in entity.items() if key not in ("start", "end")}


def _message(conversation_id: str, said: dict[str, Any]) -> Message:
    return Message(
        conversation_id,
        said.get("message") or "",
        input_channel=said.get("input_channel") or "rest",
        metadata=said.get("metadata") or {},
    )


def _state(state: dict[str, Any]) -> dict[str, Any]:
    loop = {key: state["active_loop"].get(key) for key in ("name", "is_interrupted", "rejected")}
    return {
        "slots": {name: value for name, value in state["slots"].items() if value is not None},
        "active_loop": {key: value for key, value in loop.items() if value is not None},
        "latest_action_name": state["latest_action_name"],
        "followup_action": state["followup_action"],
        "paused": state["paused"],
        "latest_input_channel": state["latest_input_channel"],
    }


def _events(content: dict[str, Any]) -> list[dict[str, Any]]:
    steps = (step for each in content["conversations"] for step in each["steps"])
    return [event for step in steps for event in step.get("new_events", ())]


def _same_wording(
    got: list[dict[str, Any]], want: list[dict[str, Any]], content: dict[str, Any]
) -> list[dict[str, Any]]:
    """``got`` in the recording's words where a response has several and ours is one of them."""
    told = []
    for number, event in enumerate(got):
        other = want[number] if number < len(want) else {}
        name = (event.get("metadata") or {}).get("utter_action")
        if event.get("event") == "bot" and name and _is_wording(event, name, content):
            event = {**event, "text": other.get("text"), "metadata": other.get("metadata")}
        told.append(event)
    return told


def _is_wording(event: dict[str, Any], name: str, content: dict[str, Any]) -> bool:
    patterns = _patterns(content.get("response_variations", {}).get(name, ()))
    return any(re.fullmatch(p, (event.get("text") or "").strip(), re.DOTALL) for p in patterns)


def _same_texts(got: list[Any], step: dict[str, Any], content: dict[str, Any]) -> list[Any]:
    want = step["bot"]
    variations = [v for vs in content.get("response_variations", {}).values() for v in vs]
    patterns = [*_patterns(variations), *map(re.escape, step.get("any_of", ()))]
    if len(got) != len(want):
        return got
    return [
        {**ours, "text": theirs["text"]}
        if ours.get("text")
        and theirs.get("text")
        and any(re.fullmatch(p, ours["text"].strip(), re.DOTALL) for p in patterns)
        else ours
        for ours, theirs in zip(got, want, strict=True)
    ]


def _patterns(variations: Any) -> list[str]:
    texts = [text for each in variations for text in str(each.get("text") or "").split("\n\n")]
    return [
        ".*".join(re.escape(part) for part in re.split(r"\{[^{}]+\}", text.strip()))
        for text in texts
        if text.strip()
    ]


def flow(events: Sequence[Event]) -> list[str]:
    """What happened, in the recordings' short form."""
    told: list[str] = []
    for event in events:
        match event:
            case ActionExecuted(name=name, action_text=text):
                told.append(name or text or "")
            case ActionExecutionRejected(name=name):
                told.append(f"!{name}")
            case BotUttered(metadata=metadata):
                told.append(f"utter:{metadata.get('utter_action')}")
            case UserUtteranceReverted():
                told.append("<rewind>")
            case Restarted():
                told.append("<restart>")
            case SessionStarted():
                told.append("<session_started>")
            case _:
                pass
    return [each for each in told if each != "action_listen"]


async def replay_flow(
    conversation: dict[str, Any], parley: Services, clock: HandClock
) -> list[Difference]:
    """Like ``replay``, for recordings in the short form."""
    differences = []
    for number, step in enumerate(conversation["steps"]):
        clock.advance(0.01)
        await parley.log.accept(Message(conversation["id"], step["user"]))
        waiting = await parley.log.waiting(conversation["id"])
        assert waiting is not None
        done = await take_turn(waiting, parley)
        if step.get("mute"):
            continue
        slots = {name: value for name, value in done.tracker.slots.items() if value is not None}
        for part, got, want in (
            ("flow", flow(done.events), step["flow"]),
            ("slots", plain(slots), plain(step["slots"])),
            ("active_loop", done.tracker.loop_name, step.get("active_loop")),
        ):
            if got != want:
                differences.append(Difference(number, part, got, want))
    return differences
