"""What every People, Sessions and Tries must do."""

from __future__ import annotations

import asyncio

import pytest

from bot.errors import Conflict, NotFound
from bot.people.person import People, Person
from bot.people.sessions import Session, Sessions, Tries

MIA = Person("mia", "agent", "$argon2id$…", None, False, 1.5, "s1")
KEY, IDLE_S = "k" * 64, 60.0


class PeopleContract:
    """Subclass it and give a fixture ``people``, empty for each test."""

    async def test_there_is_nobody_at_first(self, people: People) -> None:
        assert not await people.exist()
        assert await people.get("mia") is None
        assert await people.everybody() == []

    async def test_a_person_comes_back_as_added(self, people: People) -> None:
        bob = Person("bøb@example.com", "admin", None, "https://id.example 17", True, 2.5, "s2")
        await people.add(MIA)
        await people.add(bob)
        assert await people.exist()
        assert await people.get("mia") == MIA
        assert await people.of_subject("https://id.example 17") == bob
        assert await people.of_subject("https://id.example 18") is None
        assert await people.everybody() == [bob, MIA]

    async def test_a_name_and_a_subject_are_one_person_s(self, people: People) -> None:
        await people.add(Person("mia", "agent", subject="17"))
        for other in (Person("mia", "admin"), Person("bob", "admin", subject="17")):
            with pytest.raises(Conflict, match=other.name):
                await people.add(other)
        assert await people.everybody() == [Person("mia", "agent", subject="17")]

    async def test_two_people_have_no_subject(self, people: People) -> None:
        await people.add(Person("mia", "agent"))
        await people.add(Person("bob", "agent"))
        assert len(await people.everybody()) == 2

    async def test_of_several_who_add_a_name_at_once_one_does(self, people: People) -> None:
        added = await asyncio.gather(
            *(people.add(Person("mia", "agent", stamp=str(n))) for n in range(5)),
            return_exceptions=True,
        )
        assert [type(each) for each in added if each] == [Conflict] * 4

    async def test_what_is_given_changes_and_nothing_else(self, people: People) -> None:
        await people.add(MIA)
        await people.change("mia", role="builder")
        await people.change("mia", password="other", disabled=True, stamp="s2")
        assert await people.get("mia") == Person("mia", "builder", "other", None, True, 1.5, "s2")
        await people.change("mia", disabled=False)
        found = await people.get("mia")
        assert found is not None
        assert not found.disabled

    async def test_who_is_removed_is_gone(self, people: People) -> None:
        await people.add(MIA)
        await people.remove("mia")
        assert not await people.exist()

    async def test_who_is_not_there_cannot_be_changed(self, people: People) -> None:
        with pytest.raises(NotFound, match="mia"):
            await people.change("mia", role="agent")
        with pytest.raises(NotFound, match="mia"):
            await people.remove("mia")


class SessionsContract:
    """Subclass it and give a fixture ``sessions``, empty for each test."""

    async def test_a_session_is_found_until_it_ends(self, sessions: Sessions) -> None:
        session = Session("mia", "s1", 1e10)
        assert await sessions.find(KEY, idle_s=IDLE_S) is None
        await sessions.keep(KEY, session, idle_s=IDLE_S)
        assert await sessions.find(KEY, idle_s=IDLE_S) == session
        assert await sessions.find("other", idle_s=IDLE_S) is None
        await sessions.end(KEY)
        await sessions.end(KEY)
        assert await sessions.find(KEY, idle_s=IDLE_S) is None


class TriesContract:
    """Subclass it and give a fixture ``tries``, empty for each test."""

    async def test_tries_are_counted_each_by_its_key(self, tries: Tries) -> None:
        counted = [await tries.count(KEY, within_s=60) for _ in range(3)]
        assert [number for number, _ in counted] == [1, 2, 3]
        assert all(0 < left_s <= 60 for _, left_s in counted)
        assert (await tries.count("other", within_s=60))[0] == 1

    async def test_tries_at_once_are_counted_all(self, tries: Tries) -> None:
        counted = await asyncio.gather(*(tries.count(KEY, within_s=60) for _ in range(20)))
        assert sorted(number for number, _ in counted) == list(range(1, 21))

    async def test_what_is_forgotten_counts_from_one(self, tries: Tries) -> None:
        await tries.count(KEY, within_s=60)
        await tries.forget(KEY)
        assert (await tries.count(KEY, within_s=60))[0] == 1

    async def test_looking_at_tries_counts_none(self, tries: Tries) -> None:
        assert (await tries.look(KEY))[0] == 0
        await tries.count(KEY, within_s=60)
        looked = [await tries.look(KEY) for _ in range(2)]
        assert [number for number, _ in looked] == [1, 1]
        assert all(0 < left_s <= 60 for _, left_s in looked)
