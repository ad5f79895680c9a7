"""How much clients may ask: messages of a conversation and of an address, open sockets."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal

from bot.errors import ParleyError
from bot.settings import Settings
from bot.store.limits import LimitStore, MemoryLimits, Rate

Clients = Literal["anybody", "known"]
Network = IPv4Network | IPv6Network
NEIGHBOURS = 64  # bits of an IPv6 address that one subscriber has to himself (RFC 6177)


class TooMany(ParleyError):
    """More than the settings allow; ``retry_after_s`` says when there is room again."""

    status = 429
    reason = "TooManyRequests"

    def __init__(self, sentence: str, retry_after_s: float) -> None:
        super().__init__(sentence)
        self.retry_after_s = retry_after_s


class Limits:
    """What is counted, and where it ends.

    Args:
        store: Counts messages.
        conversation: How many a conversation takes; None: as many as come.
        address: How many an address sends; None: as many as it likes.
        most_sockets: Open at once in this process; 0: any number.
        most_per_address: Of one address; 0: any number.
        exempt: Networks whose clients are not counted.
    """

    def __init__(
        self,
        store: LimitStore | None = None,
        *,
        conversation: Rate | None = None,
        address: Rate | None = None,
        most_sockets: int = 0,
        most_per_address: int = 0,
        exempt: Sequence[Network] = (),
    ) -> None:
        self._store = store or MemoryLimits()
        self._conversation, self._address = conversation, address
        self._most_sockets, self._most_per_address = most_sockets, most_per_address
        self._exempt = tuple(exempt)
        self._sockets: Counter[str] = Counter()
        self._open = 0
        self._known = lru_cache(4096)(self._counted_as)

    async def message(
        self, address: str, conversation_id: str, *, clients: Clients | None = "anybody"
    ) -> None:
        """One more message. Raises TooMany.

        ``clients`` are those of its channel: of ``known`` ones the address is not counted, as one
        may speak for many users; None is a service that was verified and may not come again.
        """
        counted = self._known(address)
        if clients is None or counted is None:
            return
        taken: list[Awaitable[float]] = []
        if self._conversation:
            taken.append(self._store.take(conversation_id, self._conversation))
        if self._address and clients == "anybody":
            taken.append(self._store.take(counted, self._address, kind="address"))
        if wait := max(await asyncio.gather(*taken), default=0.0):
            raise TooMany("These are too many messages at once; wait a moment.", wait)

    @contextmanager
    def socket(self, address: str) -> Iterator[None]:
        """One more connection that stays open, inside the block. Raises TooMany."""
        counted = self._known(address)
        if 0 < self._most_sockets <= self._open:
            raise TooMany("Too many pages are connected here; try again later.", 30)
        if counted is not None and 0 < self._most_per_address <= self._sockets[counted]:
            raise TooMany("Too many pages are connected from your address.", 30)
        self._open += 1
        if counted is not None:
            self._sockets[counted] += 1
        try:
            yield
        finally:
            self._open -= 1
            if counted is not None:
                self._sockets[counted] -= 1
                if not self._sockets[counted]:
                    del self._sockets[counted]

    def _counted_as(self, address: str) -> str | None:
        """What ``address`` is counted as; None when it is exempt, or none (a Unix socket)."""
        ip = _read(address)
        if ip is None:
            return address[:64] or None
        if any(ip in network for network in self._exempt if network.version == ip.version):
            return None
        return subscriber(address)


def subscriber(address: str) -> str:
    """Whose ``address`` it is: its own in IPv4, in IPv6 that of the network one subscriber has."""
    ip = _read(address)
    if ip is None:
        return address[:64]
    if ip.version == 4:
        return str(ip)
    return str(ip_network((ip.packed[: NEIGHBOURS // 8] + bytes(8), NEIGHBOURS)))


def _read(address: str) -> IPv4Address | IPv6Address | None:
    try:
        ip = ip_address(address)
    except ValueError:
        return None
    return (ip.ipv4_mapped or ip) if ip.version == 6 else ip


def limits_of(settings: Settings, store: LimitStore | None = None) -> Limits:
    """As the settings say, counted in ``store``, else in this process."""
    return Limits(
        store,
        conversation=_rate(settings.conversation_rate),
        address=_rate(settings.address_rate),
        most_sockets=settings.max_sockets,
        most_per_address=settings.max_sockets_per_address,
        exempt=[ip_network(each) for each in settings.unlimited],
    )


def _rate(said: str) -> Rate | None:
    most, _, seconds = said.partition("/")
    return Rate(int(most), float(seconds)) if seconds else None
