import asyncio

import pytest
import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from bot.commands.patience import PatientProtocol

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK"


class Transport(asyncio.Transport):
    """Remembers what was written."""

    def __init__(self):
        super().__init__()
        self.written, self.closed, self.aborted = b"", False, False

    def write(self, data):
        self.written += data

    def close(self):
        self.closed = True

    def abort(self):
        self.closed = self.aborted = True

    def is_closing(self):
        return self.closed

    def get_extra_info(self, name, default=None):
        return default

    def get_protocol(self):
        return self.protocol

    def set_protocol(self, protocol):
        self.protocol = protocol

    def pause_reading(self):
        pass

    def resume_reading(self):
        pass


async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    if scope["path"] == "/never":
        await asyncio.Event().wait()
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
async def connect():
    """Opens a connection; ``later`` ends it if so many seconds have been too long for it."""
    config = uvicorn.Config(app, lifespan="off", log_config=None, ws=WebSocketsSansIOProtocol)
    config.load()
    state = ServerState()
    opened = []

    def open_one(slow_s=20.0):
        protocol = PatientProtocol(
            config=config, server_state=state, app_state={}, slow_s=slow_s, most_head_bytes=4096
        )
        transport = Transport()
        protocol.connection_made(transport)
        opened.append(protocol)
        began = asyncio.get_running_loop().time()

        def later(seconds):
            protocol.end_if_slow(began + seconds)
            protocol.transport._send()
            return transport.written.split(b"\r\n")[0] if transport.closed else None

        return protocol, transport, later

    yield open_one
    for protocol in opened:
        protocol.connection_lost(None)
    for task in state.tasks:
        task.cancel()
    await asyncio.gather(*state.tasks, return_exceptions=True)


async def settled(protocol):
    for _ in range(10):
        await asyncio.sleep(0)
    protocol.transport._send()


async def test_who_connects_and_says_nothing_goes(connect):
    _, _, later = connect()
    assert later(19) is None
    assert later(21) == b"HTTP/1.1 408 Request Timeout"


@pytest.mark.parametrize("said", [b"G", b"GET / HTTP/1.1\r\nX: y\r\n", b"\r\n", GET[:-1]])
async def test_a_head_that_does_not_end_ends_the_connection_however_often_some_of_it_comes(
    connect, said
):
    protocol, _, later = connect()
    for _ in said:
        protocol.data_received(said[:1])
        said = said[1:]
    assert later(19) is None
    assert later(21) == b"HTTP/1.1 408 Request Timeout"


async def test_between_requests_the_head_of_the_next_one_has_its_own_time(connect):
    protocol, transport, later = connect()
    protocol.data_received(GET)
    await settled(protocol)
    assert transport.written.startswith(ANSWER)
    assert later(10_000) is None  # uvicorn ends connections that idle
    protocol.data_received(b"GET")
    assert later(19) is None
    assert later(21)


async def test_a_body_may_take_longer_the_more_of_it_comes(connect):
    protocol, _, later = connect()
    protocol.data_received(POST)
    assert later(19) is None
    protocol.data_received(b"x" * 5000)
    assert later(29) is None
    assert later(31) == b"HTTP/1.1 408 Request Timeout"


async def test_a_turn_that_takes_long_is_not_the_clients_fault(connect):
    protocol, _, later = connect()
    protocol.data_received(GET.replace(b"/ ", b"/never "))
    await settled(protocol)
    assert later(10_000) is None


async def test_who_does_not_take_the_answer_goes(connect):
    protocol, transport, later = connect()
    protocol.data_received(GET.replace(b"/ ", b"/never "))
    protocol.pause_writing()
    assert later(59) is None
    protocol.resume_writing()
    assert later(10_000) is None
    protocol.pause_writing()
    later(61)
    assert transport.aborted


async def test_with_no_limit_a_client_may_take_for_ever(connect):
    _, _, later = connect(slow_s=0)
    assert later(10_000) is None


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"x" * 5000,
        b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"y" * 5000,
        b"GET / HTTP/1.1\r\nX: " + b"y" * 5000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 2000,
        b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\nX: "
        + b"y" * 5000
        + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nX: " + b"y" * 5000 + b"\r\n\r\nabc",
    ],
)
@pytest.mark.parametrize("pieces", [1, 50])
async def test_a_head_that_is_too_large_is_answered_431(connect, head, pieces):
    protocol, transport, _ = connect()
    size = len(head) // pieces + 1
    for at in range(0, len(head), size):
        if not transport.closed:
            protocol.data_received(head[at : at + size])
    assert transport.closed
    assert transport.written.startswith(b"HTTP/1.1 431 ")
    assert ANSWER not in transport.written


async def test_pipelined_requests_are_all_answered(connect):
    protocol, transport, later = connect()
    protocol.data_received(GET * 20)
    for _ in range(30):
        await settled(protocol)
    assert transport.written.count(ANSWER) == 20
    assert later(10_000) is None


CHUNKED = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
PIECES = {
    "trailers": b"0\r\n" + b"X: y\r\n" * 2000,
    "a trailer": b"0\r\nX: " + b"y" * 20_000,
    "an extension": b"2;" + b"y" * 20_000,
}


@pytest.mark.parametrize("kind", PIECES)
async def test_what_is_beside_a_body_ends_too(connect, kind):
    protocol, transport, _ = connect()
    protocol.data_received(CHUNKED)
    for at in range(0, len(PIECES[kind]), 1000):
        if not transport.closed:
            protocol.data_received(PIECES[kind][at : at + 1000])
            await settled(protocol)
    assert transport.closed
    assert transport.written.startswith(b"HTTP/1.1 431 ")


async def test_a_body_in_small_pieces_is_taken(connect):
    protocol, transport, _ = connect()
    protocol.data_received(CHUNKED)
    for _ in range(20_000):
        protocol.data_received(b"1\r\nx\r\n")
    protocol.data_received(b"0\r\n\r\n")
    await settled(protocol)
    assert transport.written.startswith(ANSWER)


async def test_the_next_head_ends_too_while_the_answer_before_is_made(connect):
    protocol, transport, _ = connect()
    protocol.data_received(GET.replace(b"/ ", b"/never "))
    await settled(protocol)
    protocol.data_received(b"GET / HTTP/1.1\r\n")
    for _ in range(10):
        if not transport.closed:
            protocol.data_received(b"X: " + b"y" * 1000 + b"\r\n")
    await settled(protocol)
    assert transport.closed
    assert transport.written.startswith(b"HTTP/1.1 431 ")


UPGRADE = (
    b"Host: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@pytest.mark.parametrize(
    "head",
    [
        b"POST / HTTP/1.1\r\n" + UPGRADE,
        b"GET / HTTP/1.1\r\n" + UPGRADE + b"Content-Length: 5\r\n",
        b"GET / HTTP/1.1\r\n" + UPGRADE + b"Transfer-Encoding: chunked\r\n",
        b"GET / HTTP/1.1\r\n" + UPGRADE + b"X: y\r\n" * 200,
    ],
    ids=["posted", "with a body", "in pieces", "of many lines"],
)
async def test_who_asks_wrongly_for_a_websocket_is_not_left_waiting(connect, head):
    protocol, transport, _ = connect()
    protocol.data_received(head + b"\r\n")
    await settled(protocol)
    assert transport.closed
    assert transport.written.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 405 "))


async def test_who_asks_rightly_for_a_websocket_is_not_sent_away(connect):
    protocol, transport, _ = connect()
    protocol.data_received(b"GET / HTTP/1.1\r\n" + UPGRADE + b"\r\n")
    assert not transport.closed
    assert isinstance(transport.protocol, WebSocketsSansIOProtocol)


@pytest.mark.parametrize("other", [b"Host: evil.example\r\n", b"hOsT: h\r\n"])
async def test_a_request_that_names_two_hosts_is_refused(connect, other):
    """A proxy in front might heed the one, and we the other (RFC 9112, section 3.2)."""
    protocol, transport, _ = connect()
    protocol.data_received(b"GET / HTTP/1.1\r\nHost: h\r\n" + other + b"\r\n")
    await settled(protocol)
    assert transport.closed
    assert transport.written.startswith(b"HTTP/1.1 400 ")
