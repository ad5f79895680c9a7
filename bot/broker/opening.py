"""The event broker that endpoints.yml names, opened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from bot.broker.base import Journal, OpenBroker, Options
from bot.broker.publisher import publish
from bot.errors import SettingsError
from bot.plugins import find
from bot.store.base import Leases
from bot.upkeep import beside

EXTRA = {"pika": "aio_pika", "kafka": "aiokafka"}  # the library each needs

log = structlog.get_logger(__name__)


def broker_of(options: Options) -> OpenBroker | None:
    """What opens the ``event_broker`` of endpoints.yml.

    None when none is named, or one that is not to be had here, which is told: a project may name
    a class made for Rasa. Raises SettingsError when a library is missing.
    """
    if not options:
        return None
    kind = str(options.get("type") or "pika")  # Rasa's default
    name = kind if "." in kind else kind.lower()
    try:
        opens: OpenBroker = find("brokers", name)
    except SettingsError as error:
        if (library := EXTRA.get(name)) and isinstance(error.__cause__, ModuleNotFoundError):
            raise SettingsError(
                f"endpoints.yml: event_broker of type {kind} needs {library}. "
                "Install it with: pip install 'parley[broker]'"
            ) from error
        hint = f"endpoints.yml: event_broker is left out: {error}"
        log.error("broker.left_out", hint=hint)
        return None
    return opens


@asynccontextmanager
async def publishing(
    opens: OpenBroker, options: Options, folder: Path, *, journal: Journal, leases: Leases
) -> AsyncIterator[None]:
    """Events are handed on inside the block; those left are handed on after the next start."""
    async with opens(options, folder) as broker, beside(publish(journal, broker, leases)):
        log.info("broker.opened", type=options.get("type"))
        yield
