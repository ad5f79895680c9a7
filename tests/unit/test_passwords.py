"""Passwords are looked at beside the event loop."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing

import pytest

from bot.errors import BadRequest, Unavailable
from bot.people.passwords import AT_ONCE, MOST_WAITING, Cost, Passwords, checked

CHEAP = Cost(passes=1, memory_kib=8, lanes=1)
PASSWORD = "correct horse battery"


class Gate:
    """A hasher that waits to be let through, and counts who is inside."""

    def __init__(self) -> None:
        self.inside = self.most = 0
        self._open = threading.Event()
        self._count = threading.Lock()

    def hash(self, password: str) -> str:
        with self._count:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self._open.wait(30)
        with self._count:
            self.inside -= 1
        return "$kept"

    def open(self) -> None:
        self._open.set()


def gated() -> tuple[Passwords, Gate]:
    passwords, gate = Passwords(CHEAP), Gate()
    passwords.__dict__["_hasher"] = gate
    return passwords, gate


async def test_a_password_fits_its_own_hash_and_no_other():
    with closing(Passwords(CHEAP)) as passwords:
        kept = await passwords.hash(PASSWORD)
        assert kept.startswith("$argon2id$")
        assert await passwords.fits(PASSWORD, kept)
        assert not await passwords.fits(PASSWORD + "s", kept)
        assert not await passwords.fits(PASSWORD, None)
        assert not await passwords.fits("nobody's", None)
        assert not await passwords.fits(PASSWORD, "no hash")
        assert await passwords.hash(PASSWORD) != kept


async def test_a_password_is_the_same_however_a_keyboard_writes_it():
    with closing(Passwords(CHEAP)) as passwords:
        kept = await passwords.hash("mot de passe \u00e9l\u00e9gant")
        assert await passwords.fits("mot de passe e\u0301le\u0301gant", kept)


async def test_the_cost_is_that_of_the_rfc_unless_told():
    with closing(Passwords()) as passwords:
        kept = await passwords.hash(PASSWORD)
        assert "$m=65536,t=3,p=4$" in kept
        assert not passwords.is_dated(kept)
    with closing(Passwords(CHEAP)) as passwords:
        assert passwords.is_dated(kept)


@pytest.mark.parametrize("password", ["", "eleven chars"[:11], "x" * 257])
def test_a_new_password_has_a_length(password):
    with pytest.raises(BadRequest, match="12 to 256"):
        checked(password)


async def test_the_event_loop_goes_on_while_a_password_is_looked_at():
    passwords, gate = gated()
    with closing(passwords):
        waiting = [asyncio.create_task(passwords.hash(PASSWORD)) for _ in range(5)]
        await asyncio.sleep(0)  # the loop comes here though nobody is through
        assert not any(task.done() for task in waiting)
        gate.open()
        assert await asyncio.gather(*waiting) == ["$kept"] * 5
    assert gate.most <= AT_ONCE


async def test_there_is_an_end_to_passwords_that_wait():
    passwords, gate = gated()
    with closing(passwords):
        waiting = [asyncio.create_task(passwords.hash(PASSWORD)) for _ in range(MOST_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="Too many"):
            await passwords.hash(PASSWORD)
        gate.open()
        await asyncio.gather(*waiting)
        assert await passwords.hash(PASSWORD) == "$kept"
