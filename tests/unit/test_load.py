"""How a run under load is judged, and that messages come whether or not they are answered."""

from __future__ import annotations

import asyncio

import pytest

from tests.load.arrivals import Answered, Users, constant, most
from tests.load.verdict import grows, overloaded, recovered_after, steady


def spread(seconds: int, *, took: float = 0.1, status: int = 200) -> list[Answered]:
    return [Answered(n / 10, took, status) for n in range(seconds * 10)]


@pytest.mark.parametrize(
    ("values", "found"),
    [([100.0] * 50, False), ([100.0 + n for n in range(100)], True), ([9, 1, 1, 1, 9], False)],
)
def test_what_grows_is_told_from_what_is_warm(values, found):
    assert grows(values, times=1.1, least=20) is found


def test_a_latency_that_grows_and_an_answer_that_is_missing_are_seen():
    even = [100.0] * 60
    assert all(steady(spread(60), even, even).values())
    later = [*spread(40), *[Answered(40 + n / 10, 0.5, 200) for n in range(200)]]
    assert not steady(later, even, even)["latency does not grow"]
    assert not steady([*spread(60), Answered(1, 1, 503)], even, even)["every message was answered"]


def test_refusals_without_a_time_and_silence_are_seen():
    assert all(overloaded([*spread(9), *spread(9, status=503)], bound_s=1).values())
    wrong = [*spread(9, took=2), Answered(1, 1, 503, says_when=False), Answered(1, 1, 0)]
    assert list(overloaded(wrong, bound_s=1).values()) == [False, True, False, False]


def test_recovery_counts_from_the_last_that_was_not_well():
    assert recovered_after(spread(20), within_s=1) == 0.0
    assert recovered_after([Answered(3.5, 1, 503), *spread(20)], within_s=1) == 3.5
    assert recovered_after([*spread(20), Answered(19.9, 9, 200)], within_s=1) is None


async def test_messages_come_at_their_rate_though_nobody_answers_until_the_end():
    asked: list[bytes] = []
    let = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readline():
            while (line := await reader.readline()) != b"\r\n":
                head = line if line.lower().startswith(b"content-length") else head
            asked.append(await reader.readexactly(int(head.split(b":")[1])))
            if len(asked) == 20:
                let.set()
            await let.wait()
            writer.write(b"HTTP/1.1 503 Busy\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        users = Users("ann")
        load = await constant(port, users, rate=100, seconds=0.2, tick=lambda _: None)
        assert await most(port, users, at_once=2, seconds=0.05) == 0.0
    assert len({*asked[:20]}) == 20
    assert [(one.status, one.says_when) for one in load.answered] == [(503, True)] * 20
