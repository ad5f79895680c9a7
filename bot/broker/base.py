"""What an event broker is, and the part of the log it works from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bot.errors import SettingsError

Options = Mapping[str, Any]  # ``event_broker`` of endpoints.yml


@dataclass(frozen=True, slots=True)
class Unpublished:
    """The events of one transaction, not handed on yet; ``events`` is their JSON, a list."""

    row_id: int
    conversation_id: str
    events: str


class Journal(Protocol):
    """Where events wait until the broker has them."""

    async def unpublished(self, *, limit: int) -> Sequence[Unpublished]:
        """The oldest that wait, in the order of their commits within each conversation."""
        ...

    async def published(self, row_ids: Sequence[int]) -> None:
        """These need not wait any more."""
        ...


class Broker(Protocol):
    """Takes events; what it took it keeps."""

    async def publish(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Take ``events``, as Rasa writes them with ``sender_id``, in order.

        Raises Unavailable; then it may have taken some, and gets all of them again.
        """
        ...


class OpenBroker(Protocol):
    """What ``plugins.find("brokers", name)`` gives: opens a broker, closed after the block."""

    def __call__(self, options: Options, folder: Path) -> AbstractAsyncContextManager[Broker]:
        """Files in ``options`` are found from ``folder``. Raises SettingsError."""
        ...


def text(options: Options, key: str, default: str | None = None) -> str:
    """The option ``key``. Raises SettingsError when it is missing or no text."""
    found = options.get(key)
    value = default if found is None else found
    if not isinstance(value, str) or not value:
        raise SettingsError(f"endpoints.yml: event_broker needs a text at {key}, not {found!r}.")
    return value


def texts(options: Options, key: str, default: str | None = None) -> list[str]:
    """The option ``key``: one text or a list of them. Raises SettingsError."""
    found = options.get(key)
    if not isinstance(found, list):
        return [text(options, key, default)]
    return [text({key: each}, key) for each in found] or [text({}, key, default)]
