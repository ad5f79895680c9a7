from __future__ import annotations

import asyncio

from bot.commands.packets import Together


class Transport:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[bytes | str] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.told.append(data)

    def write_eof(self) -> None:
        self.told.append("eof")

    def close(self) -> None:
        self.told.append("close")
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing

    def get_extra_info(self, name: str) -> str:
        return f"the {name}"


async def test_what_is_written_in_one_step_leaves_in_one_packet():
    transport = Transport()
    together = Together(transport)
    together.write(b"head ")
    together.writelines([b"body", b"!"])
    assert transport.told == []
    await asyncio.sleep(0)
    together.write(b"another")
    await asyncio.sleep(0)
    assert transport.told == [b"head body!", b"another"]


async def test_of_an_answer_without_end_little_is_kept_back():
    transport = Transport()
    together = Together(transport)
    for _ in range(3):
        together.write(b"x" * 40_000)
    assert [len(data) for data in transport.told] == [80_000]
    await asyncio.sleep(0)
    assert [len(data) for data in transport.told] == [80_000, 40_000]


async def test_closing_sends_what_was_written_and_nothing_after():
    transport = Transport()
    together = Together(transport)
    together.write(b"last words")
    together.write_eof()
    together.write(b"very last")
    together.close()
    together.write(b"too late")
    await asyncio.sleep(0)
    assert transport.told == [b"last words", "eof", b"very last", "close"]


async def test_nothing_is_sent_on_a_connection_that_broke_meanwhile():
    transport = Transport()
    Together(transport).write(b"hello")
    transport.closing = True
    await asyncio.sleep(0)
    assert transport.told == []


async def test_all_else_is_asked_of_the_transport():
    assert Together(Transport()).get_extra_info("peername") == "the peername"
