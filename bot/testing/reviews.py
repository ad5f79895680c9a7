"""What every Reviews must do."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from bot.errors import BadRequest, Conflict, NotFound
from bot.review.item import Opinion, Reason, ReviewItem, Said, State, new_id
from bot.review.store import Filter, Reviews
from nlu.parse import Entity


class ReviewsContract:
    """Subclass it and give a fixture ``reviews``, empty for each test."""

    async def test_an_item_comes_back_as_it_was_proposed(self, reviews: Reviews) -> None:
        said = Said("go", 0.4, (Entity("city", "Paris", 3, 8),), "v1")
        new = item("in Paris 🙂", said=said, before="Where?", share="random", group="g1")
        new = msgspec.structs.replace(new, reasons=(Reason("m", 0.5, "why", "go"),))
        assert await reviews.propose([new]) == 1
        found = await reviews.item(new.id)
        assert found.history[0].what == "proposed"
        stored = {"history": found.history, "created_at": found.created_at}
        assert found == msgspec.structs.replace(new, revision=found.revision, **stored)

    async def test_a_turn_that_is_proposed_again_only_gets_the_new_reason(
        self, reviews: Reviews
    ) -> None:
        first = item("hm", reasons=(Reason("low_margin", 0.5),))
        again = item("hm", reasons=(Reason("low_margin", 0.9), Reason("fallback", 0.7)))
        assert await reviews.propose([first]) == 1
        assert await reviews.propose([again]) == 0
        assert await reviews.propose([again]) == 0
        [found] = await reviews.listed()
        assert found.id == first.id
        assert [(one.miner, one.score) for one in found.reasons] == [
            ("low_margin", 0.5),
            ("fallback", 0.7),
        ]

    async def test_a_sentence_of_the_data_is_one_item_for_each_label(
        self, reviews: Reviews
    ) -> None:
        def suspect(label: str) -> ReviewItem:
            return item("hi", conversation_id="", seq=0, origin="nlu.yml", labelled=label)

        assert await reviews.propose([suspect("greet"), suspect("bye"), suspect("bye")]) == 2

    async def test_a_turn_of_an_import_is_none_of_the_logs(self, reviews: Reviews) -> None:
        one, other = item("hi", seq=7), item("ho", seq=7, origin="chats.jsonl")
        assert await reviews.propose([one, other, other]) == 2
        found = await reviews.of_turn("ann", 7)
        assert found
        assert found.id == one.id

    async def test_what_nobody_proposed_is_missing(self, reviews: Reviews) -> None:
        many = [item("x", seq=n) for n in range(1, 1200)]
        await reviews.propose([many[0], many[-1]])
        missing = await reviews.missing(many)
        assert [one.seq for one in missing] == list(range(2, 1199))
        assert await reviews.missing([]) == []

    async def test_items_are_found_by_their_turn(self, reviews: Reviews) -> None:
        one = item("hi", seq=7)
        await reviews.propose([one])
        found = await reviews.of_turn("ann", 7)
        assert found
        assert found.id == one.id
        assert await reviews.of_turn("ann", 8) is None

    async def test_an_unknown_id_is_said_to_be_unknown(self, reviews: Reviews) -> None:
        with pytest.raises(NotFound):
            await reviews.item("nobody")
        with pytest.raises(NotFound):
            await reviews.listed(after="nobody")
        with pytest.raises(NotFound):
            await reviews.keep([item("hi")])

    async def test_what_no_database_can_hold_is_refused(self, reviews: Reviews) -> None:
        with pytest.raises(BadRequest):
            await reviews.propose([item("hi", conversation_id="nul\0")])

    async def test_the_list_goes_on_where_it_stopped_highest_score_first(
        self, reviews: Reviews
    ) -> None:
        scores = [0.2, 0.9, 0.5, 0.5, 0.5]
        await reviews.propose(
            [item("x", seq=n, reasons=(Reason("m", s),)) for n, s in enumerate(scores)]
        )
        seen: list[ReviewItem] = []
        while page := await reviews.listed(after=seen[-1].id if seen else "", limit=2):
            seen += page
        assert [one.reasons[0].score for one in seen] == sorted(scores, reverse=True)
        assert len({one.id for one in seen}) == 5

    async def test_the_list_holds_what_fits_everything_given(self, reviews: Reviews) -> None:
        a = item("a", seq=1, reasons=(Reason("fallback", 1),), group="g", said=Said("go"))
        b = item("b", seq=2, reasons=(Reason("margin", 1), Reason("fallback", 0.1)))
        await reviews.propose([a, b])

        async def texts(wanted: Filter) -> set[str]:
            return {one.text for one in await reviews.listed(wanted)}

        assert await texts(Filter(miner="fallback")) == {"a", "b"}
        assert await texts(Filter(miner="margin")) == {"b"}
        assert await texts(Filter(miner="fallback", group="g")) == {"a"}
        assert await texts(Filter(intent="go")) == {"a"}
        assert await texts(Filter(state="decided")) == set()
        assert await texts(Filter(conversation_id="bob")) == set()
        assert await texts(Filter(disputed=False)) == {"a", "b"}

    async def test_of_two_who_decide_at_once_one_is_told(self, reviews: Reviews) -> None:
        await reviews.propose([item("hi")])
        [found] = await reviews.listed()
        tries = [reviews.keep([decided(found, intent)]) for intent in ("greet", "bye")]
        ended = await asyncio.gather(*tries, return_exceptions=True)
        assert sorted(type(one).__name__ for one in ended) == ["Conflict", "list"]

    async def test_several_are_kept_together_or_not_at_all(self, reviews: Reviews) -> None:
        await reviews.propose([item("a", seq=1), item("b", seq=2)])
        a, b = await reviews.listed()
        await reviews.keep([decided(b, "go")])
        with pytest.raises(Conflict, match=b.id):
            await reviews.keep([decided(a, "go"), decided(b, "bye")])
        assert (await reviews.item(a.id)).decision is None
        assert await reviews.counts() == {"open": 1, "decided": 1}

    async def test_a_reader_of_labels_goes_on_where_it_stopped(self, reviews: Reviews) -> None:
        await reviews.propose([item("x", seq=n) for n in range(5)])
        for one in (await reviews.listed())[:3]:
            await reviews.keep([decided(one, "go")])
        first = await reviews.decided(limit=2)
        rest = await reviews.decided(after=first[-1].revision)
        assert (len(first), len(rest)) == (2, 1)
        changed = await reviews.keep([decided(first[0], "bye")])
        assert await reviews.decided(after=rest[-1].revision) == changed

    async def test_labels_given_at_once_are_all_seen_by_a_reader_that_goes_on(
        self, reviews: Reviews
    ) -> None:
        await reviews.propose([item("x", seq=n) for n in range(12)])
        found = await reviews.listed()
        seen: list[ReviewItem] = []

        async def read() -> None:
            while len(seen) < len(found):
                seen.extend(await reviews.decided(after=seen[-1].revision if seen else 0, limit=2))
                await asyncio.sleep(0)

        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            group.create_task(read())
            for one in found:
                group.create_task(_keep(reviews, decided(one, "go")))
        assert sorted(one.id for one in seen) == sorted(one.id for one in found)

    async def test_a_label_taken_back_is_withdrawn(self, reviews: Reviews) -> None:
        await reviews.propose([item("x")])
        [found] = await reviews.listed()
        [kept] = await reviews.keep([decided(found, "go")])
        assert await reviews.withdrawn() == []
        opened = msgspec.structs.replace(kept, state="open", opinions=(), decision=None)
        await reviews.keep([opened])
        assert [of for _, of in await reviews.withdrawn(after=kept.revision)] == [found.id]
        assert await reviews.decided() == []

    async def test_erasure_leaves_an_id_and_nothing_else(self, reviews: Reviews) -> None:
        mine = [item("my secret", seq=n, reasons=(Reason("m", 1),)) for n in (1, 2)]
        other = item("stays", conversation_id="bob")
        await reviews.propose([*mine, other])
        found = await reviews.item(mine[0].id)
        [kept] = await reviews.keep([decided(found, "go")])
        assert await reviews.erase("ann") == 2
        gone = await reviews.item(mine[0].id)
        assert (gone.state, gone.text, gone.conversation_id) == ("erased", "", "")
        assert (gone.reasons, gone.opinions, gone.decision) == ((), (), None)
        withdrawn = await reviews.withdrawn(after=kept.revision)
        assert {of for _, of in withdrawn} == {one.id for one in mine}
        assert await reviews.of_turn("ann", 1) is None
        assert await reviews.listed(Filter(miner="m")) == []
        assert (await reviews.item(other.id)).text == "stays"
        assert await reviews.erase("ann") == 0

    async def test_erasure_of_nobody_leaves_the_projects_own_sentences(
        self, reviews: Reviews
    ) -> None:
        await reviews.propose([item("hi", conversation_id="", seq=0, labelled="greet")])
        assert await reviews.erase("") == 0
        assert [one.text for one in await reviews.listed()] == ["hi"]

    async def test_a_label_for_what_was_erased_meanwhile_is_refused(self, reviews: Reviews) -> None:
        await reviews.propose([item("x")])
        [found] = await reviews.listed()
        await reviews.erase("ann")
        with pytest.raises(Conflict, match="erased"):
            await reviews.keep([decided(found, "go")])


async def _keep(reviews: Reviews, one: ReviewItem) -> None:
    await reviews.keep([one])


def item(text: str, *, conversation_id: str = "ann", seq: int = 1, **fields: object) -> ReviewItem:
    """An open item of a turn."""
    base = ReviewItem(new_id(), text, conversation_id=conversation_id, seq=seq)
    return msgspec.structs.replace(base, **fields)


def decided(one: ReviewItem, intent: str, *, state: State = "decided") -> ReviewItem:
    """``one`` with a person's label."""
    opinion = Opinion("intent", "eve", 5.0, intent)
    return msgspec.structs.replace(one, state=state, opinions=(opinion,), decision=opinion)
