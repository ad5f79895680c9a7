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
from bot.dialogue.messages import Message
from bot.dialogue.tracker import Tracker
from bot.dialogue.written import event_state, tracker_state
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
        "policy_id",
        "project_id",
        "recipient_id",
        "date_time",
        "policy",
        "confidence",
        "text_tokens",
        "full_retrieval_intent_name",
        "response_selector",
    }
)


_Fact = tuple[str, Any, Any]  # what is compared, ours, Rasa's


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
    name: str = ""

    @property
    def kind(self) -> str:
        """``auto``, ``ted`` or ``real`` for other people's projects, ``own`` for the rest."""
        prefix = self.name.partition("-")[0]
        return prefix if prefix in ("auto", "ted", "real") else "own"

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
    return Recording(content, content["conversations"], name)


async def replay(
    recording: Recording, conversation: dict[str, Any], parley: Services, clock: HandClock
) -> list[Difference]:
    """Say what was said to Rasa, in this process; what is different?"""
    conversation_id = conversation["id"]
    differences: list[Difference] = []
    for number, step in enumerate(conversation["steps"]):
        if "sleep" in step:
            clock.advance(step["sleep"])
            continue
        clock.advance(0.01)
        await parley.log.accept(_message(conversation_id, body_of(step)))
        waiting = await parley.log.waiting(conversation_id)
        assert waiting is not None
        done = await take_turn(waiting, parley)
        await _check_replay(done.tracker, parley)
        if is_strict(conversation, number):
            said = [part for reply in done.replies for part in parts(reply)]
            events = [event_state(event) for event in done.events]
            seen = Seen(said, events, tracker_state(done.tracker))
            differences += compared(step, number, seen, recording.content)
    return differences


def body_of(step: dict[str, Any]) -> dict[str, Any]:
    """What a user step posts, without its sender."""
    said = step["user"]
    return dict(said) if isinstance(said, dict) else {"message": said}


def is_strict(conversation: dict[str, Any], number: int) -> bool:
    """Whether step ``number`` must go as it did in Rasa."""
    limit = conversation.get("compare_first_steps")
    return not conversation["steps"][number].get("mute") and (limit is None or number < limit)


@dataclass(frozen=True)
class Seen:
    """What one step brought about: messages, events and the tracker's state, as JSON."""

    said: list[Any]
    events: list[dict[str, Any]]
    state: dict[str, Any]


def compared(
    step: dict[str, Any], number: int, seen: Seen, content: dict[str, Any]
) -> list[Difference]:
    """Where ``seen`` is not what ``step`` recorded."""
    facts = _short(step, seen) if "flow" in step else _full(step, seen, content)
    return [Difference(number, part, got, want) for part, got, want in facts if got != want]


def _full(step: dict[str, Any], seen: Seen, content: dict[str, Any]) -> Iterator[_Fact]:
    if "bot" in step:
        said, want = plain(seen.said), plain(step["bot"])
        yield "bot", _same_texts(said, step, content), want
    if "new_events" in step:
        told = plain(step["new_events"])
        yield "events", _same_wording(plain(seen.events), told, content), told
        yield "state", plain(state_of(seen.state)), plain(step["state"])


def _short(step: dict[str, Any], seen: Seen) -> Iterator[_Fact]:
    slots = {name: value for name, value in seen.state["slots"].items() if value is not None}
    yield "flow", flow(seen.events), step["flow"]
    yield "slots", plain(slots), plain(step["slots"])
    yield "active_loop", seen.state["active_loop"].get("name"), step.get("active_loop")
    yield "last", seen.state["latest_action_name"], step["last"]


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


def state_of(state: dict[str, Any]) -> dict[str, Any]:
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


def flow(events: Sequence[dict[str, Any]]) -> list[str]:
    """What happened, in the recordings' short form."""
    told = (_told(event) for event in events)
    return [each for each in told if each not in (None, "action_listen")]


def _told(event: dict[str, Any]) -> str | None:
    match event["event"]:
        case "action":
            return event.get("name") or event.get("action_text")
        case "action_execution_rejected":
            return f"!{event.get('name')}"
        case "bot":
            return f"utter:{(event.get('metadata') or {}).get('utter_action')}"
        case "rewind" | "restart" | "session_started" as kind:
            return f"<{kind}>"
        case _:
            return None
