"""Versions of the data as a place that keeps what users wrote (``bot.privacy.holders``)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from bot.privacy.holders import Incomplete, Places, Told
from nlu.registry import Registry
from training.versions.shelf import NotErased, Shelf

WHAT = "training data"


class InDatasets:
    """A conversation's sentences in every version of the data. Models that learned them are marked
    by that: ``parley models list`` tells, until they are made anew."""

    def __init__(self, places: Places) -> None:
        registry = Registry(places.settings.models_folder)
        self._shelf = Shelf.of(registry, seal=places.database.seal)

    async def held(self, conversation_id: str) -> Mapping[str, Sequence[Any]]:
        return {WHAT: await asyncio.to_thread(self._shelf.held, conversation_id)}

    async def erase(self, conversation_id: str) -> Mapping[str, int]:
        try:
            return {WHAT: await asyncio.to_thread(self._shelf.erase, conversation_id)}
        except NotErased as error:
            raise Incomplete(str(error), gone={WHAT: error.gone}) from error

    async def rekey(self, *, decrypt: bool, told: Told) -> int:
        return await asyncio.to_thread(self._shelf.rekey, decrypt=decrypt)
