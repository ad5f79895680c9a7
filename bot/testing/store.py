"""What every TrackerStore, Leases and News must do."""

from __future__ import annotations

import asyncio

import pytest

from bot.dialogue.domain import Domain, Slot
from bot.dialogue.events import ActionExecuted, Event, SessionStarted, SlotSet, UserUttered
from bot.dialogue.tracker import Tracker
from bot.store.base import Leases, News, TrackerStore
from nlu.parse import Entity, Intent, Parse

SOON_S = 5.0  # what should come comes long before


class TrackerStoreContract:
    """Subclass it and give a fixture ``trackers``, empty for each test."""

    async def test_a_tracker_comes_back_as_it_was_kept(self, trackers: TrackerStore) -> None:
        kept = tracker("ann", 7)
        await trackers.keep(kept, epoch=3)
        assert await trackers.load("ann") == (kept, 3)

    async def test_where_the_log_stood_never_changes_what_is_given(
        self, trackers: TrackerStore
    ) -> None:
        kept = tracker("ann", 7)
        await trackers.keep(kept, epoch=3)
        for stands in ((7, 3), (8, 3), (7, 4), (0, 0)):
            assert await trackers.load("ann", stands=stands) == (kept, 3)

    async def test_nothing_is_known_of_other_conversations(self, trackers: TrackerStore) -> None:
        await trackers.keep(tracker("ann", 7), epoch=0)
        assert await trackers.load("an") is None
        assert await trackers.load("ann{x}") is None

    async def test_a_newer_tracker_replaces_an_older_one(self, trackers: TrackerStore) -> None:
        for seq, epoch in ((7, 0), (8, 0), (6, 1)):  # events may be replaced: then epoch rises
            await trackers.keep(tracker("ann", seq), epoch=epoch)
            assert await trackers.load("ann") == (tracker("ann", seq), epoch)

    async def test_an_older_tracker_never_replaces_a_newer_one(
        self, trackers: TrackerStore
    ) -> None:
        newest = tracker("ann", 10)
        await trackers.keep(newest, epoch=1)
        await trackers.keep(tracker("ann", 9), epoch=1)
        await trackers.keep(tracker("ann", 11), epoch=0)
        assert await trackers.load("ann") == (newest, 1)

    async def test_what_is_forgotten_is_gone(self, trackers: TrackerStore) -> None:
        await trackers.keep(tracker("ann", 7), epoch=5)
        await trackers.forget("ann")
        await trackers.forget("nobody")
        assert await trackers.load("ann") is None
        await trackers.keep(tracker("ann", 1), epoch=0)
        assert await trackers.load("ann") == (tracker("ann", 1), 0)

    async def test_any_conversation_id_will_do(self, trackers: TrackerStore) -> None:
        for conversation_id in ("", "}{", "a b\n", "ünï/🙂", "x" * 300):
            await trackers.keep(tracker(conversation_id, 2), epoch=0)
            assert await trackers.load(conversation_id) == (tracker(conversation_id, 2), 0)


class LeasesContract:
    """Subclass it and give a fixture ``leases``."""

    async def test_one_holds_a_lease_at_a_time(self, leases: Leases) -> None:
        async with leases.hold("ann") as first:
            assert first
            async with leases.hold("ann") as second:
                assert not second
            async with leases.hold("ann") as third:
                assert not third, "whoever was refused gave back what it never had"

    async def test_a_lease_is_given_back_when_the_block_ends(self, leases: Leases) -> None:
        with pytest.raises(RuntimeError):
            async with leases.hold("ann"):
                raise RuntimeError
        async with leases.hold("ann") as again:
            assert again

    async def test_a_lease_tells_whether_somebody_was_refused_it(self, leases: Leases) -> None:
        async with leases.hold("ann") as wanted, leases.hold("ann"):
            pass
        async with leases.hold("ann") as unwanted:
            pass
        assert (wanted.wanted, unwanted.wanted) == (True, False)

    async def test_leases_of_other_conversations_are_free(self, leases: Leases) -> None:
        async with leases.hold("ann"), leases.hold("bob") as other:
            assert other

    async def test_leases_for_other_work_are_free_and_no_name_is_one_of_them(
        self, leases: Leases
    ) -> None:
        async with (
            leases.hold("ann", kind="outbox") as held,
            leases.hold("ann", kind="outbox") as second,
            leases.hold("ann") as turn,
            leases.hold("ann/outbox") as other,
            leases.hold("outbox") as another,
        ):
            assert held
            assert not second
            assert turn
            assert other
            assert another

    async def test_a_lease_is_given_back_when_its_holder_is_cancelled(self, leases: Leases) -> None:
        held = asyncio.Event()

        async def work() -> None:
            async with leases.hold("ann"):
                held.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await held.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with leases.hold("ann") as again:
            assert again


class NewsContract:
    """Subclass it and give two fixtures, ``here`` and ``there``: News of two processes, or one."""

    async def test_followers_hear_what_is_published_in_order(self, here: News, there: News) -> None:
        async with here.follow("ann") as notes:
            await there.publish("ann", "one")
            await there.publish("ann", "two words, ünï 🙂")
            assert await next_of(notes) == "one"
            assert await next_of(notes) == "two words, ünï 🙂"

    async def test_followers_hear_what_their_own_process_publishes_once(
        self, here: News, there: News
    ) -> None:
        async with here.follow("ann") as notes:
            await here.publish("ann", "own")
            await there.publish("ann", "last")
            assert await next_of(notes) == "own"
            assert await next_of(notes) == "last"

    async def test_every_follower_hears(self, here: News, there: News) -> None:
        async with here.follow("ann") as a, here.follow("ann") as b, there.follow("ann") as c:
            await there.publish("ann", "note")
            assert [await next_of(notes) for notes in (a, b, c)] == ["note"] * 3

    async def test_other_conversations_are_not_heard(self, here: News, there: News) -> None:
        async with here.follow("ann") as notes:
            await there.publish("bob", "other")
            await there.publish("ann", "own")
            assert await next_of(notes) == "own"

    async def test_following_again_after_leaving_works(self, here: News, there: News) -> None:
        for n in range(5):
            async with here.follow("ann") as notes:
                await there.publish("ann", str(n))
                assert await next_of(notes) == str(n)

    async def test_giving_up_on_a_note_loses_nothing(self, here: News, there: News) -> None:
        async with here.follow("ann") as notes:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await anext(notes)
            await there.publish("ann", "note")
            assert await next_of(notes) == "note"

    async def test_publishing_to_nobody_is_fine(self, here: News) -> None:
        await here.publish("nobody", "note")


async def next_of(notes: object) -> str:
    """The next note; fails when there is none soon."""
    async with asyncio.timeout(SOON_S):
        note: str = await anext(notes)  # type: ignore[call-overload]
    return note


def tracker(conversation_id: str, seq: int) -> Tracker:
    """A tracker with something of everything in it."""
    domain = Domain(slots={"city": Slot("city", "text"), "list": Slot("list", "list")})
    parse = Parse("go to Rome", Intent("go", 0.9), (Entity("city", "Rome", 6, 10),))
    events: list[Event] = [
        ActionExecuted(name="action_session_start", timestamp=1.0),
        SessionStarted(timestamp=2.0),
        ActionExecuted(name="action_listen", timestamp=3.0),
        UserUttered(text="go to Rome 🙂", parse_data=parse, timestamp=4.0, metadata={"n": [1]}),
        SlotSet(name="city", value="Rome", timestamp=5.0),
        SlotSet(name="list", value=["a", {"b": None}], timestamp=6.0),
    ]
    return Tracker.replay(conversation_id, domain, events, seq=seq)
