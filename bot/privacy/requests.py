"""What a user may ask for: all that is held of him, and that it is taken away."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec

from bot.audit import BEGUN, DONE, FAILED, Actor, Audit, Deed
from bot.errors import NotFound, ParleyError, Unavailable
from bot.privacy.holders import Incomplete, Places, holders
from bot.store import personal
from bot.store.personal import TOMBSTONE_S
from bot.store.shelf import conversations_ending, shelf_file
from bot.version import VERSION

EXPORT, ERASE = "privacy.export", "privacy.erase"


async def conversations_of(
    user: str, places: Places, *, all_channels: bool, unreached: dict[str, str] | None = None
) -> Sequence[str]:
    """The ids of ``user``'s conversations. The one of that very id is among them, logged or not.

    What was learnt from a conversation outlives it: also those are found of which no more is left.
    Turns that cannot be read are named in ``unreached``; without it, ParleyError rises.
    """
    ids = partial(personal.ids_of, user=user, all_channels=all_channels)
    found = [user, *await places.database.read(ids)]
    if all_channels:
        turns = shelf_file(places.settings)
        try:
            found += await asyncio.to_thread(conversations_ending, turns, f":{user}")
        except ParleyError as error:
            if unreached is None:
                raise
            unreached["turns"] = str(error)
    return list(dict.fromkeys(found))


async def exported(
    user: str, places: Places, audit: Audit, actor: Actor, *, all_channels: bool = False
) -> dict[str, Any]:
    """All that is held of ``user``, as JSON. Raises NotFound when that is nothing, Unavailable."""
    found = {}
    for conversation_id in await conversations_of(user, places, all_channels=all_channels):
        held = await _held(conversation_id, places)
        if any(items for place in held.values() for items in place.values()):
            found[conversation_id] = held
            facts = {f"{p} {w}": len(items) for p, h in held.items() for w, items in h.items()}
            await audit.record(Deed(actor, EXPORT, DONE, conversation_id, facts))
    if not found:
        raise NotFound(f"Nothing is held of {user!r}.")
    return {"user": user, "at": _time(places.clock()), "parley": VERSION, "conversations": found}


async def counted(user: str, places: Places, *, all_channels: bool = False) -> dict[str, Any]:
    """How much ``erased`` would take away, and what it would not reach; nothing is changed."""
    unreached: dict[str, str] = {}
    ids = await conversations_of(user, places, all_channels=all_channels, unreached=unreached)
    found: dict[str, dict[str, int]] = {}
    for conversation_id in ids:
        held = await _held(conversation_id, places, unreached)
        _add(found, {p: {w: len(items) for w, items in h.items()} for p, h in held.items()})
    return {"conversations": list(ids), "held": found, "not_reached": unreached}


async def erased(
    user: str, places: Places, audit: Audit, actor: Actor, *, all_channels: bool = False
) -> dict[str, Any]:
    """Take away all that is held of ``user``, and give a receipt without ids or texts.

    Safe to repeat. What cannot be reached now is named in ``not_reached`` and is to be erased by
    asking again. The audit log has a row before the first thing goes, and one after the last.
    """
    removed: dict[str, dict[str, int]] = {}
    unreached: dict[str, str] = {}
    begun: list[int] = []
    ids = await conversations_of(user, places, all_channels=all_channels, unreached=unreached)
    for conversation_id in ids:
        begun.append(await audit.record(Deed(actor, ERASE, BEGUN, conversation_id)))
        for name, holder in holders(places):
            try:
                _add(removed, {name: await holder.erase(conversation_id)})
            except ParleyError as error:  # the others are erased all the same
                unreached[name] = str(error)
                if isinstance(error, Incomplete):
                    _add(removed, {name: error.gone})
        if "log" in unreached:
            raise Unavailable(f"Not erased: {unreached['log']}")
    receipt = _receipt(removed, unreached, begun, places.clock(), len(ids))
    facts = {"of": begun[0], "conversations": len(ids), "receipt": receipt["hash"]}
    ended = Deed(actor, ERASE, FAILED if unreached else DONE, facts=facts)
    return {**receipt, "audit": [*begun, await audit.record(ended)]}


def _receipt(
    removed: Mapping[str, Mapping[str, int]],
    unreached: Mapping[str, str],
    begun: Sequence[int],
    now: float,
    count: int,
) -> dict[str, Any]:
    """What was removed where, with a hash over all of it."""
    said = {
        "parley": VERSION,
        "at": _time(now),
        "conversations": count,
        "removed": removed,
        "not_reached": unreached,
        "ids_until": _time(now + TOMBSTONE_S),
    }
    body = msgspec.json.encode(said, order="sorted")
    return {**said, "hash": hashlib.sha256(body).hexdigest()}


async def _held(
    conversation_id: str, places: Places, unreached: dict[str, str] | None = None
) -> dict[str, Mapping[str, Sequence[Any]]]:
    """What each place holds. Those that cannot say are named in ``unreached``, if that is given."""
    found = {}
    for name, holder in holders(places):
        try:
            found[name] = await holder.held(conversation_id)
        except ParleyError as error:
            if unreached is None:
                raise
            unreached[name] = str(error)
    return found


def _add(total: dict[str, dict[str, int]], more: Mapping[str, Mapping[str, int]]) -> None:
    for place, counts in more.items():
        there = total.setdefault(place, {})
        for what, count in counts.items():
            there[what] = there.get(what, 0) + count


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
