"""Calls of addresses that a request names: only to where such a request may send us.

A server stands where others cannot reach: inside a company, beside a cloud's metadata service. A
caller of the API who names an address must not reach through it (CWE-918, server-side request
forgery). A name is looked up once, every address behind it is checked, and the call goes to the
address that was checked, so that no second look-up can give another.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable
from functools import cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

import httpx2

from bot.errors import SettingsError

Network = IPv4Network | IPv6Network
UNICAST = IPv6Network("2000::/3")  # all of IPv6 that is given out as public (RFC 4291)
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052
LOOPBACK = ("127.0.0.0/8", "::1/128")


class Guarded(httpx2.AsyncBaseTransport):
    """Calls public addresses, and private ones that are ``allowed``; others raise ConnectError.

    Args:
        inner: Makes the calls.
        allowed: Networks (``10.1.0.0/16``), addresses, and names of hosts.
    """

    def __init__(self, inner: httpx2.AsyncBaseTransport, allowed: Iterable[str] = ()) -> None:
        self._inner = inner
        self._networks, self._names = read_allowed(allowed)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        host = request.url.host
        if request.url.scheme not in ("http", "https") or not host:
            raise httpx2.UnsupportedProtocol(
                f"{str(request.url)!r} is no address of http:// or https://.", request=request
            )
        address = await self._address(host, request)
        # The name stays in the Host header and in the certificate that is asked for.
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=address)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _address(self, host: str, request: httpx2.Request) -> str:
        """The first address of ``host``, if all of them may be called."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpx2.ConnectError(f"{host} has no address.", request=request) from error
        addresses = [str(each[4][0]) for each in found]
        if host.lower() not in self._names:
            for address in addresses:
                if not self._may_be_called(address):
                    raise httpx2.ConnectError(
                        f"{host} is {address}, which is not public. PARLEY_MAY_CALL names what "
                        "may be called nevertheless.",
                        request=request,
                    )
        return addresses[0]

    def _may_be_called(self, address: str) -> bool:
        found = _meant(ip_address(address.partition("%")[0]))
        if any(found in network for network in self._networks):
            return True
        if isinstance(found, IPv6Address) and found not in UNICAST:
            return False
        return found.is_global and not found.is_multicast


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Who answers at ``address``: behind some of IPv6 is one of IPv4."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or address


def read_allowed(allowed: Iterable[str]) -> tuple[tuple[Network, ...], frozenset[str]]:
    """The networks and the names of hosts in ``allowed``. Raises SettingsError."""
    networks: list[Network] = []
    names: set[str] = set()
    for each in allowed:
        try:
            networks.append(ip_network(each))
        except ValueError as error:
            if "/" in each or ":" in each or not each.strip():
                raise SettingsError(
                    f"{each!r} is no network, address or name of a host: {error}."
                ) from error
            names.add(each.lower())
    return tuple(networks), frozenset(names)


@cache
def trust() -> ssl.SSLContext:
    """Whom calls of https:// believe: the usual authorities, read once. Reads files."""
    return httpx2.create_ssl_context()


def open_guarded(allowed: Iterable[str] = ()) -> httpx2.AsyncClient:
    """A client that calls only where a request may send us. Raises SettingsError."""
    # No connection is used again: for the pool it is one to an address, whatever name its
    # certificate was checked for.
    once = httpx2.Limits(max_keepalive_connections=0)
    inner = httpx2.AsyncHTTPTransport(verify=trust(), limits=once)
    return httpx2.AsyncClient(transport=Guarded(inner, allowed), trust_env=False)
