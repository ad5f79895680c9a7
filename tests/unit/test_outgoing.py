import asyncio
import socket
from contextlib import suppress

import httpx2
import pytest

from bot.errors import SettingsError
from bot.outgoing import Guarded, open_guarded
from bot.settings import load_settings

NAMES = {
    "shop.example": ["203.0.114.7"],
    "metadata.example": ["169.254.169.254"],
    "inside.example": ["10.1.2.3"],
    "both.example": ["203.0.114.7", "192.168.0.1"],
    "here.example": ["::1"],
    "mapped.example": ["::ffff:10.1.2.3"],
    "six-to-four.example": ["2002:0a01:0203::1"],
    "carrier.example": ["100.64.0.1"],
    "all.example": ["0.0.0.0"],
    "many.example": ["224.0.0.1"],
    "link.example": ["fe80::1%eth0"],
    "site.example": ["fec0::1"],
    "nat64.example": ["64:ff9b::a9fe:a9fe"],
    "nat64-here.example": ["64:ff9b:1::1"],
    "compatible.example": ["::7f00:1"],
    "translated.example": ["::ffff:0:7f00:1"],
}


@pytest.fixture
def called(monkeypatch):
    """Requests that got through, by a client that knows NAMES and nobody else."""

    async def getaddrinfo(loop, host, port, **options):
        if host not in NAMES:
            return [(0, 0, 0, "", (host, 0))] if host[0] in "[0123456789" else fail(host)
        return [(0, 0, 0, "", (address, 0)) for address in NAMES[host]]

    def fail(host):
        raise socket.gaierror(f"no {host}")

    monkeypatch.setattr("asyncio.BaseEventLoop.getaddrinfo", getaddrinfo)
    return []


def client(called, *allowed):
    def answer(request):
        called.append(request)
        return httpx2.Response(200)

    return httpx2.AsyncClient(transport=Guarded(httpx2.MockTransport(answer), allowed))


async def test_a_public_host_is_called_at_the_address_that_was_checked(called):
    await client(called).post("https://shop.example:8443/done?x=1")
    (request,) = called
    assert request.url == "https://203.0.114.7:8443/done?x=1"
    assert request.headers["host"] == "shop.example:8443"
    assert request.extensions["sni_hostname"] == "shop.example"


@pytest.mark.parametrize(
    "host", [*sorted(NAMES.keys() - {"shop.example"}), "127.0.0.1", "10.0.0.1"]
)
async def test_what_is_not_public_is_not_called(called, host):
    with pytest.raises(httpx2.ConnectError, match=r"not public.*PARLEY_MAY_CALL"):
        await client(called).post(f"http://{host}/")
    assert called == []


async def test_a_public_host_is_called_through_nat64(called, monkeypatch):
    monkeypatch.setitem(NAMES, "shop.example", ["64:ff9b::cb00:7207"])
    await client(called).get("http://shop.example/")
    assert called[0].url == "http://[64:ff9b::cb00:7207]/"


@pytest.mark.parametrize("url", ["nonsense", "ftp://shop.example/", "http://", "file:///etc"])
async def test_what_is_no_address_is_not_called(called, url):
    with pytest.raises(httpx2.UnsupportedProtocol):
        await client(called).get(url)
    assert called == []


async def test_a_host_without_an_address_is_not_called(called):
    with pytest.raises(httpx2.ConnectError, match="no address"):
        await client(called).get("http://nowhere.example/")


@pytest.mark.parametrize("allowed", ["10.1.0.0/16", "10.1.2.3", "inside.example", "INSIDE.example"])
async def test_what_is_allowed_is_called(called, allowed):
    await client(called, allowed).get("http://inside.example/")
    assert called
    with pytest.raises(httpx2.ConnectError):
        await client(called, allowed).get("http://metadata.example/")


async def test_a_redirect_to_the_inside_is_not_followed(called, monkeypatch):
    def answer(request):
        called.append(request)
        return httpx2.Response(302, headers={"location": "http://metadata.example/"})

    guarded = httpx2.AsyncClient(transport=Guarded(httpx2.MockTransport(answer)))
    with pytest.raises(httpx2.ConnectError):
        await guarded.get("http://shop.example/", follow_redirects=True)
    assert len(called) == 1


async def test_the_real_client_refuses_this_machine():
    async with open_guarded() as guarded:
        with pytest.raises(httpx2.ConnectError, match="not public"):
            await guarded.get("http://localhost:9/")


async def test_no_host_is_called_on_a_connection_made_for_another_at_its_address(
    monkeypatch, called
):
    for name in ("one.example", "other.example"):
        monkeypatch.setitem(NAMES, name, ["127.0.0.1"])
    served, hosts = [], []  # what was asked on each connection

    async def serve(reader, writer):
        heard = []
        hosts.append(heard)
        served.append(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                heard.append(head)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, open_guarded(["127.0.0.1"]) as guarded:
        for host in ("one.example", "other.example"):
            assert (await guarded.get(f"http://{host}:{port}/")).status_code == 200
    await asyncio.gather(*served)
    assert [len(heard) for heard in hosts] == [1, 1]


@pytest.mark.parametrize("wrong", ["10.0.0.0/99", "10.0.0.1/8", "a/b", " "])
def test_what_is_no_network_stops_the_start(wrong):
    with pytest.raises(SettingsError):
        open_guarded([wrong])


def test_a_server_for_this_machine_alone_may_call_it(monkeypatch):
    monkeypatch.setenv("PARLEY_MAY_CALL", "10.0.0.0/8, hooks.internal")
    allowed = ("10.0.0.0/8", "hooks.internal")
    assert load_settings(host="0.0.0.0").may_be_called == allowed
    assert load_settings().may_be_called == (*allowed, "127.0.0.0/8", "::1/128")
    monkeypatch.setenv("PARLEY_MAY_CALL", "10.0.0.0/8,x/y")
    with pytest.raises(SettingsError, match=r"PARLEY_MAY_CALL.*x/y"):
        load_settings()
