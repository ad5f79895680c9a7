"""Where Redis is: one server, whichever Sentinel calls the master, or the nodes of a Cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    ConnectionPool,
    SSLConnection,
    UnixDomainSocketConnection,
    parse_url,
)
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import (
    MasterNotFoundError,
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from bot.errors import SettingsError

Address = tuple[str, int]
Kind = Literal["server", "sentinel", "cluster"]

PORT, SENTINEL_PORT = 6379, 26379
SCHEMES: dict[str, tuple[Kind, str]] = {
    "redis": ("server", "redis"),
    "rediss": ("server", "rediss"),
    "unix": ("server", "unix"),
    "redis+sentinel": ("sentinel", "redis"),
    "rediss+sentinel": ("sentinel", "rediss"),
    "redis+cluster": ("cluster", "redis"),
    "rediss+cluster": ("cluster", "rediss"),
}
_SENTINELS = "sentinel_"  # options of connections to Sentinel, beside those to Redis
# Connections to Sentinel are to the same network, by the same authorities.
_OF_BOTH = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname")


@dataclass(frozen=True, slots=True)
class Place:
    """A Redis URL, read. ``hosts`` are the server, the Sentinels, or some nodes of the Cluster."""

    kind: Kind
    hosts: tuple[Address, ...]
    service: str  # what Sentinel calls the master
    tls: bool
    options: Mapping[str, Any]  # of connections to Redis
    sentinel_options: Mapping[str, Any]

    def __str__(self) -> str:
        """For people: no password."""
        if path := self.options.get("path"):
            return str(path)
        hosts = ",".join(f"{host}:{port}" for host, port in self.hosts)
        return {
            "server": hosts,
            "sentinel": f"{self.service}, of Sentinel at {hosts}",
            "cluster": f"Cluster at {hosts}",
        }[self.kind]

    def connections(self, patience_s: float, *, to: Address | None = None) -> ConnectionPool:
        """A pool of connections; those of a Cluster go ``to`` one of its nodes.

        One that died while idle, as after a restart, is opened again once.
        """
        options = {
            **self.options,
            "socket_timeout": patience_s,
            "socket_connect_timeout": patience_s,
            "retry": Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        }
        if self.kind == "sentinel":
            return self._by_sentinel(options, patience_s)
        if "path" not in options:
            options["host"], options["port"] = to or self.hosts[0]
        return ConnectionPool(**{**options, "connection_class": self._connection_class()})

    def _by_sentinel(self, options: Mapping[str, Any], patience_s: float) -> ConnectionPool:
        """Connections to whoever is the master when they are opened."""
        # All of them are asked within the time of one connection.
        each_s = patience_s / (len(self.hosts) + 1)
        sentinel = _Sentinels(  # type: ignore[no-untyped-call]
            self.hosts,
            sentinel_kwargs={
                **self.sentinel_options,
                "socket_timeout": each_s,
                "socket_connect_timeout": each_s,
                "retry": Retry(NoBackoff(), 0),
                "ssl": self.tls,
            },
        )
        kind = SentinelManagedSSLConnection if self.tls else SentinelManagedConnection
        return _OfMaster(  # type: ignore[no-untyped-call]
            self.service, sentinel, connection_class=kind, **options
        )

    def _connection_class(self) -> type[AbstractConnection]:
        if "path" in self.options:
            return UnixDomainSocketConnection
        return SSLConnection if self.tls else Connection


class _Sentinels(Sentinel):
    """Of whom the first that answers is asked first the next time."""

    async def discover_master(self, service_name: str) -> Address:
        """Where the master is. Raises MasterNotFoundError, which says what the last one met."""
        why = ""
        for number, each in enumerate(self.sentinels):
            try:
                masters: Any = await each.sentinel_masters()
            except (RedisConnectionError, RedisTimeoutError) as error:
                why = f": {error}"
                continue
            state = masters.get(service_name)
            if state and self.check_master_state(state, service_name):
                self.sentinels.insert(0, self.sentinels.pop(number))
                return state["ip"], state["port"]
        raise MasterNotFoundError(f"no Sentinel names a living master {service_name!r}{why}")


class _OfMaster(SentinelConnectionPool):
    """Closes its connections to Sentinel too."""

    async def aclose(self) -> None:
        await super().aclose()
        await self.sentinel_manager.aclose()


def read_place(url: str) -> Place:
    """What ``url`` names. Raises SettingsError, without saying what may be secret in it."""
    try:
        return _read(url)
    except ValueError as error:
        raise SettingsError(f"The Redis URL cannot be read: {error}") from error


def _read(url: str) -> Place:
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise ValueError(f"it should begin with {'://, '.join(SCHEMES)}://.")
    kind, plain = SCHEMES[parts.scheme]
    if plain == "unix":
        options = _plain(parse_url(url))
        return Place("server", (), "", tls=False, options=options, sentinel_options={})
    login, _, hosts = parts.netloc.rpartition("@")
    port = SENTINEL_PORT if kind == "sentinel" else PORT
    addresses = tuple(_address(host, port) for host in hosts.split(","))
    path = parts.path.strip("/")
    service = ""
    if kind == "sentinel":
        service, _, path = path.partition("/")
        if not service:
            raise ValueError("Sentinel needs the master's name: redis+sentinel://host/mymaster/0.")
    if kind == "cluster" and path not in ("", "0"):
        raise ValueError("a Cluster has no database but 0.")
    netloc = f"{login}@host" if login else "host"
    found = _plain(parse_url(urlunsplit((plain, netloc, f"/{path}", parts.query, ""))))
    of_sentinels = {
        name.removeprefix(_SENTINELS): found.pop(name)
        for name in list(found)
        if name.startswith(_SENTINELS)
    }
    of_sentinels |= {name: found[name] for name in _OF_BOTH if name in found}
    tls = plain == "rediss"
    return Place(kind, addresses, service, tls, options=found, sentinel_options=of_sentinels)


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Without what a ``Place`` says otherwise."""
    return {name: v for name, v in options.items() if name not in ("host", "connection_class")}


def _address(host: str, port: int) -> Address:
    """``host``, ``host:port`` or ``[::1]:port``."""
    parts = urlsplit(f"//{host}")
    if not parts.hostname:
        raise ValueError("it names no host.")
    return parts.hostname, parts.port or port
