"""What every Log must do."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.dialogue.events import (
    ActionExecuted,
    BotUttered,
    ConversationPaused,
    ConversationResumed,
    Event,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUttered,
)
from bot.dialogue.messages import Message, Reply
from bot.errors import BadRequest, Conflict, Duplicate, NotFound
from bot.store.base import Log
from bot.store.checks import MISSED_OF
from nlu.parse import Entity, Intent, Parse


class LogContract:
    """Subclass it and give a fixture ``log``, empty for each test."""

    async def test_a_message_waits_until_it_is_done(self, log: Log) -> None:
        accepted = await log.accept(message("hello"))
        assert not accepted.done
        assert await _texts_waiting(log) == "hello"
        await log.commit("ann", [slot(1)], seq=0, epoch=0, inbox_id=accepted.inbox_id)
        assert await log.waiting("ann") is None
        assert (await log.accepted(accepted.inbox_id)).done

    async def test_messages_wait_in_the_order_in_which_they_were_accepted(self, log: Log) -> None:
        first = await log.accept(message("one"))
        second = await log.accept(message("two"))
        await log.accept(message("other", conversation_id="bob"))
        assert first.position < second.position
        assert await _texts_waiting(log) == "one"
        await log.commit("ann", [], seq=0, epoch=0, inbox_id=first.inbox_id)
        assert await _texts_waiting(log) == "two"

    async def test_a_message_with_none_before_it_says_where_the_conversation_stands(
        self, log: Log
    ) -> None:
        first = await log.accept(message("one"))
        assert first.stands == (0, 0)
        assert (await log.accept(message("two"))).stands is None
        assert (await log.accept(message("other", conversation_id="bob"))).stands == (0, 0)
        await log.commit("ann", [slot(1)], seq=0, epoch=0, inbox_id=first.inbox_id)
        assert (await log.accept(message("three"))).stands is None
        waiting = await log.waiting("ann")
        assert waiting
        await log.commit("ann", [], seq=1, epoch=0, inbox_id=waiting.inbox_id)
        waiting = await log.waiting("ann")
        assert waiting
        await log.commit("ann", [], seq=1, epoch=0, inbox_id=waiting.inbox_id)
        assert (await log.accept(message("four"))).stands == (1, 0)
        await log.replace("cleo", [], seq=0, epoch=0)
        assert (await log.accept(message("hi", conversation_id="cleo"))).stands == (0, 1)

    async def test_a_waiting_message_is_given_back_as_it_was_accepted(self, log: Log) -> None:
        full = Message(
            "ann", 'نعم 🙂 \0 "', "telegram", "shop", "7", "in", "out", {"a": [1, None]}, 12.5
        )
        await log.accept(full)
        waiting = await log.waiting("ann")
        assert waiting
        assert waiting.message == full

    async def test_a_repeated_message_id_gets_the_row_it_has_and_its_replies(
        self, log: Log
    ) -> None:
        first = await log.accept(message("hello", message_id="m1"))
        again = await log.accept(message("hello", message_id="m1", received=99.0))
        assert again == first
        replies = (Reply("ann", "Hi!"), Reply("ann", image="cat.png"))
        await log.commit(
            "ann", [], seq=0, epoch=0, inbox_id=first.inbox_id, replies=replies, sent=True
        )
        again = await log.accept(message("hello", message_id="m1"))
        assert (again.inbox_id, again.done, again.replies) == (first.inbox_id, True, replies)
        assert (await log.accept(message("next", message_id="m2"))).position == first.position + 1

    async def test_a_repeated_message_id_with_another_body_is_refused(self, log: Log) -> None:
        await log.accept(message("hello", message_id="m1"))
        with pytest.raises(Duplicate, match="m1"):
            await log.accept(message("goodbye", message_id="m1"))
        with pytest.raises(Duplicate):
            await log.accept(message("hello", message_id="m1", metadata={"a": 1}))

    async def test_the_same_id_elsewhere_is_another_message(self, log: Log) -> None:
        rows = [
            await log.accept(message("hello", message_id="m1")),
            await log.accept(message("hello", message_id="m1", account="shop")),
            await log.accept(message("hello", message_id="m1", channel="callback")),
            await log.accept(message("hello", message_id="m1", conversation_id="bob")),
        ]
        assert len({row.inbox_id for row in rows}) == 4

    async def test_a_message_without_id_is_never_a_duplicate(self, log: Log) -> None:
        first, second = await log.accept(message("hello")), await log.accept(message("hello"))
        assert first.inbox_id != second.inbox_id

    async def test_the_same_id_twenty_times_at_once_is_one_row(self, log: Log) -> None:
        rows = await asyncio.gather(
            *(log.accept(message("hello", message_id="m1")) for _ in range(20))
        )
        assert len({row.inbox_id for row in rows}) == 1

    async def test_messages_accepted_at_once_get_positions_of_their_own(self, log: Log) -> None:
        rows = await asyncio.gather(*(log.accept(message(str(n))) for n in range(20)))
        assert sorted(row.position for row in rows) == list(range(20))

    async def test_ids_that_a_database_cannot_hold_are_refused(self, log: Log) -> None:
        for bad in ("nul\0", "half \ud83d", "x" * 513):
            with pytest.raises(BadRequest):
                await log.accept(message("hello", conversation_id=bad))
            with pytest.raises(BadRequest):
                await log.accept(message("hello", message_id=bad))
            with pytest.raises(BadRequest):
                await log.history(bad)
        with pytest.raises(BadRequest):
            await log.accept(message("half \ud83d"))

    async def test_an_unknown_conversation_has_no_history(self, log: Log) -> None:
        history = await log.history("nobody")
        assert (history.events, history.seq, history.epoch) == ((), 0, 0)
        assert await log.waiting("nobody") is None
        assert await log.outgoing("nobody") == []

    async def test_events_come_back_as_they_were_logged(self, log: Log) -> None:
        parse = Parse(
            text="in Paris 🙂",
            intent=Intent("go", 0.9),
            entities=(Entity("city", "Paris", 3, 8),),
        )
        events: list[Event] = [
            UserUttered(
                text="in Paris 🙂",
                parse_data=parse,
                message_id="m1",
                timestamp=1.5,
                metadata={"x": {"y": [1, 2.5, None, "\0"]}},
            ),
            SlotSet(name="city", value={"nested": ["Paris"]}, timestamp=2.0),
            BotUttered(text="Hi", data={"buttons": [{"title": "A", "payload": "/a"}]}),
        ]
        assert await log.commit("ann", events, seq=0, epoch=0) == 3
        assert list((await log.history("ann")).events) == events

    async def test_history_is_of_the_latest_session_unless_all_is_asked_for(self, log: Log) -> None:
        old: list[Event] = [ActionExecuted(name="action_session_start"), SessionStarted(), slot(1)]
        new: list[Event] = [ActionExecuted(name="action_session_start"), SessionStarted(), slot(2)]
        seq = await log.commit("ann", old, seq=0, epoch=0)
        await log.commit("ann", new, seq=seq, epoch=0)
        latest, everything = await log.history("ann"), await log.history("ann", all_sessions=True)
        assert list(latest.events) == new
        assert list(everything.events) == old + new
        assert latest.seq == everything.seq == 6

    async def test_what_json_cannot_hold_is_refused_and_nothing_is_written(self, log: Log) -> None:
        nested: list[Any] = []
        for _ in range(100_000):
            nested = [nested]
        for bad in ("half \ud83d", object(), nested):
            with pytest.raises(BadRequest, match="SlotSet"):
                await log.commit("ann", [slot(1), slot(bad)], seq=0, epoch=0)
            with pytest.raises(BadRequest, match="Reply"):
                await log.commit(
                    "ann", [slot(1)], seq=0, epoch=0, replies=[Reply("ann", attachment=bad)]
                )
        assert (await log.history("ann")).seq == 0

    async def test_large_numbers_come_back(self, log: Log) -> None:
        value = [2**63 - 1, -(2**63), 1e300, 0.1]
        await log.commit("ann", [slot(value)], seq=0, epoch=0)
        assert (await log.history("ann")).events == (slot(value),)

    async def test_a_commit_at_another_seq_is_refused_and_writes_nothing(self, log: Log) -> None:
        accepted = await log.accept(message("hello"))
        await log.commit("ann", [slot(1)], seq=0, epoch=0)
        for seq, epoch in ((0, 0), (2, 0), (1, 1)):
            with pytest.raises(Conflict):
                await log.commit(
                    "ann",
                    [slot(2)],
                    seq=seq,
                    epoch=epoch,
                    inbox_id=accepted.inbox_id,
                    replies=[Reply("ann", "x")],
                )
        assert (await log.history("ann")).events == (slot(1),)
        assert await log.outgoing("ann") == []
        assert not (await log.accepted(accepted.inbox_id)).done

    async def test_of_commits_at_once_one_is_taken(self, log: Log) -> None:
        async def commit(n: int) -> int | Conflict:
            try:
                return await log.commit("ann", [slot(n), slot(n)], seq=0, epoch=0)
            except Conflict as conflict:
                return conflict

        outcomes = await asyncio.gather(*(commit(n) for n in range(10)))
        assert sorted(str(type(o).__name__) for o in outcomes) == ["Conflict"] * 9 + ["int"]
        history = await log.history("ann")
        assert (history.seq, len(history.events)) == (2, 2)

    async def test_replaced_events_are_all_there_is_and_the_epoch_is_raised(self, log: Log) -> None:
        await log.commit("ann", [slot(1), slot(2), slot(3)], seq=0, epoch=0)
        await log.commit("bob", [slot(9)], seq=0, epoch=0)
        assert await log.replace("ann", [slot(4)], seq=3, epoch=0) == 1
        history = await log.history("ann", all_sessions=True)
        assert (history.events, history.seq, history.epoch) == ((slot(4),), 1, 1)
        assert await log.commit("ann", [slot(5)], seq=1, epoch=1) == 2
        assert (await log.history("ann")).events == (slot(4), slot(5))
        assert (await log.history("bob")).events == (slot(9),)

    async def test_where_a_conversation_stands_is_known_without_its_events(self, log: Log) -> None:
        assert await log.stands("ann") == (0, 0)
        await log.commit("ann", [slot(1), slot(2)], seq=0, epoch=0)
        assert await log.stands("ann") == (2, 0)
        await log.replace("ann", [slot(3)], seq=2, epoch=0)
        assert await log.stands("ann") == (1, 1)

    async def test_events_may_be_replaced_by_none_or_by_more(self, log: Log) -> None:
        await log.commit("ann", [slot(1)], seq=0, epoch=0)
        assert await log.replace("ann", [], seq=1, epoch=0) == 0
        assert (await log.history("ann")).events == ()
        many = [slot(n) for n in range(50)]
        assert await log.replace("ann", many, seq=0, epoch=1) == 50
        assert (await log.history("ann")).events == tuple(many)

    async def test_a_conversation_can_begin_with_replaced_events(self, log: Log) -> None:
        assert await log.replace("ann", [slot(1)], seq=0, epoch=0) == 1
        history = await log.history("ann")
        assert (history.events, history.seq, history.epoch) == ((slot(1),), 1, 1)

    async def test_nothing_is_replaced_where_the_conversation_moved_on(self, log: Log) -> None:
        await log.commit("ann", [slot(1)], seq=0, epoch=0)
        for seq, epoch in ((0, 0), (2, 0), (1, 1)):
            with pytest.raises(Conflict):
                await log.replace("ann", [slot(2)], seq=seq, epoch=epoch)
        assert (await log.history("ann")).events == (slot(1),)

    async def test_events_that_cannot_be_stored_replace_none(self, log: Log) -> None:
        await log.commit("ann", [slot(1)], seq=0, epoch=0)
        with pytest.raises(BadRequest):
            await log.replace("ann", [slot(2), slot("half \ud83d")], seq=1, epoch=0)
        history = await log.history("ann")
        assert (history.events, history.epoch) == ((slot(1),), 0)

    async def test_a_turn_that_began_before_events_were_replaced_is_refused(self, log: Log) -> None:
        accepted = await log.accept(message("hello"))
        await log.commit("ann", [slot(1)], seq=0, epoch=0)
        await log.replace("ann", [slot(2)], seq=1, epoch=0)
        with pytest.raises(Conflict):
            await log.commit("ann", [slot(3)], seq=1, epoch=0, inbox_id=accepted.inbox_id)
        assert await _texts_waiting(log) == "hello"

    async def test_a_message_is_done_once_even_by_turns_without_events(self, log: Log) -> None:
        accepted = await log.accept(message("hello"))
        await log.commit("ann", [], seq=0, epoch=0, inbox_id=accepted.inbox_id)
        with pytest.raises(Conflict):
            await log.commit(
                "ann",
                [],
                seq=0,
                epoch=0,
                inbox_id=accepted.inbox_id,
                replies=[Reply("ann", "again")],
            )
        assert (await log.accepted(accepted.inbox_id)).replies == ()

    async def test_a_message_of_another_conversation_cannot_be_done(self, log: Log) -> None:
        accepted = await log.accept(message("hello", conversation_id="bob"))
        with pytest.raises(Conflict):
            await log.commit("ann", [slot(1)], seq=0, epoch=0, inbox_id=accepted.inbox_id)
        assert (await log.history("ann")).seq == 0
        assert await log.waiting("bob")

    async def test_replies_wait_in_order_until_they_are_sent(self, log: Log) -> None:
        replies = [Reply("ann", text) for text in ("one", "two", "three")]
        await log.commit("ann", [], seq=0, epoch=0, replies=replies, channel="callback")
        await log.commit("bob", [], seq=0, epoch=0, replies=[Reply("bob", "other")])
        first, second, third = await log.outgoing("ann")
        assert [o.reply for o in (first, second, third)] == replies
        assert (first.conversation_id, first.channel) == ("ann", "callback")
        await log.mark_sent(first.outbox_id)
        await log.mark_sent(second.outbox_id, state="failed")
        assert await log.outgoing("ann") == [third]
        await log.mark_sent(third.outbox_id, state="unknown", error="nobody knows", part=0)
        assert await log.outgoing("ann") == []

    async def test_how_far_a_reply_got_is_known_to_who_goes_on(self, log: Log) -> None:
        await log.commit("ann", [], seq=0, epoch=0, replies=[Reply("ann", "x")], channel="c")
        (new,) = await log.outgoing("ann")
        assert (new.part, new.tries, new.due_at, new.begun_at) == (0, 0, 0.0, None)
        assert new.recorded_at > 0
        begun_at = await log.begin_sending(new.outbox_id, part=1)
        (begun,) = await log.outgoing("ann")
        assert begun_at
        assert (begun.part, begun.begun_at) == (1, begun_at)
        await log.postpone(new.outbox_id, due_at=7.0, part=1, tries=3, error="busy")
        (later,) = await log.outgoing("ann")
        assert (later.part, later.tries, later.due_at, later.begun_at) == (1, 3, 7.0, None)
        begun_at = await log.begin_sending(new.outbox_id, part=1, after=(1, None))
        assert begun_at
        for stood in ((1, None), (0, begun_at), (1, begun_at - 1)):  # another has gone on with it
            assert not await log.begin_sending(new.outbox_id, part=2, after=stood)
        assert await log.begin_sending(new.outbox_id, part=2, after=(1, begun_at))
        await log.mark_sent(new.outbox_id)
        assert not await log.begin_sending(new.outbox_id, part=2)
        assert not await log.begin_sending(4711, part=0)

    async def test_how_a_call_ended_is_told_by_who_began_last(self, log: Log) -> None:
        await log.commit("ann", [], seq=0, epoch=0, replies=[Reply("ann", "x")], channel="c")
        (new,) = await log.outgoing("ann")
        begun_at = await log.begin_sending(new.outbox_id, part=0)
        assert begun_at
        earlier = begun_at - 1  # of one who was stopped for a while
        await log.mark_sent(new.outbox_id, begun=earlier)
        await log.postpone(new.outbox_id, due_at=7.0, part=0, tries=1, error="x", begun=earlier)
        (still,) = await log.outgoing("ann")
        assert (still.begun_at, still.due_at) == (begun_at, 0.0)
        await log.mark_sent(new.outbox_id, state="unknown", begun=begun_at)
        assert not await log.outgoing("ann")
        await log.mark_sent(new.outbox_id, begun=earlier)  # he knows better after all

    async def test_a_call_with_what_was_withdrawn_is_on_its_way_until_it_ends(
        self, log: Log
    ) -> None:
        said = await log.accept(message("hello"))
        reply = [Reply("ann", "one")]
        await log.commit("ann", [], seq=0, epoch=0, inbox_id=said.inbox_id, replies=reply)
        (one,) = await log.outgoing("ann")
        begun_at = await log.begin_sending(one.outbox_id, part=0)
        assert begun_at
        assert not await log.is_on_its_way("ann", since=begun_at)  # it is no one's to stop yet
        await log.take_over("ann", [], seq=0, epoch=0, agent="mia")
        assert await log.is_on_its_way("ann", since=begun_at)
        assert not await log.is_on_its_way("ann", since=begun_at + 1)
        assert not await log.is_on_its_way("bob", since=begun_at)
        await log.mark_sent(one.outbox_id, begun=begun_at)
        assert not await log.is_on_its_way("ann", since=begun_at)

    async def test_a_reply_that_is_to_be_tried_later_is_unfinished_when_it_is_due(
        self, log: Log
    ) -> None:
        for name, due_at in (("due", 1.0), ("later", 9e12)):
            await log.commit(name, [], seq=0, epoch=0, replies=[Reply(name, "x")], channel="c")
            (reply,) = await log.outgoing(name)
            await log.postpone(reply.outbox_id, due_at=due_at, part=0, tries=1, error="busy")
        assert list(await log.unfinished(older_than_s=3600)) == ["due"]

    async def test_what_waits_behind_a_reply_that_is_not_due_is_not_unfinished(
        self, log: Log
    ) -> None:
        replies = [Reply("ann", text) for text in ("one", "two")]
        await log.commit("ann", [], seq=0, epoch=0, replies=replies, channel="c")
        await log.commit("bob", [], seq=0, epoch=0, replies=replies, channel="c")
        first, _ = await log.outgoing("ann")
        await log.postpone(first.outbox_id, due_at=9e12, part=0, tries=1, error="busy")
        assert list(await log.unfinished(older_than_s=0)) == ["bob"]
        await log.postpone(first.outbox_id, due_at=1.0, part=0, tries=1, error="busy")
        assert sorted(await log.unfinished(older_than_s=0)) == ["ann", "bob"]

    async def test_what_nobody_heard_is_withdrawn_too_when_a_person_takes_over(
        self, log: Log
    ) -> None:
        said = await log.accept(message("hello"))
        replies = [Reply("ann", text) for text in ("one", "two")]
        await log.commit("ann", [], seq=0, epoch=0, inbox_id=said.inbox_id, replies=replies)
        first, second = await log.outgoing("ann")
        await log.mark_sent(first.outbox_id, state="missed")
        await log.take_over("ann", [], seq=0, epoch=0, agent="mia")
        await log.mark_sent(second.outbox_id, state="missed")  # who was about to send it says so
        assert await log.missed("ann") == []
        assert not await log.begin_sending(first.outbox_id, part=0)

    async def test_what_no_message_asked_for_is_kept_for_who_comes_back_too(self, log: Log) -> None:
        said = await log.accept(message("hello"))
        answer, told = Reply("ann", "an answer"), Reply("ann", "a person's")
        await log.commit("ann", [], seq=0, epoch=0, inbox_id=said.inbox_id, replies=[answer])
        await log.commit("ann", [], seq=0, epoch=0, replies=[told])
        for each in await log.outgoing("ann"):
            await log.mark_sent(each.outbox_id, state="missed")
        assert [each.reply for each in await log.missed("ann")] == [answer, told]

    async def test_who_takes_over_raises_the_epoch_and_withdraws_what_the_bot_had_to_say(
        self, log: Log
    ) -> None:
        said = await log.accept(message("hello"))
        one, two, own = (Reply("ann", text) for text in ("one", "two", "a person's"))
        await log.commit(
            "ann", [slot(1)], seq=0, epoch=0, inbox_id=said.inbox_id, replies=[one, two]
        )
        await log.commit("ann", [], seq=1, epoch=0, replies=[own])
        first, *_ = await log.outgoing("ann")
        assert await log.begin_sending(first.outbox_id, part=0)
        assert await log.take_over("ann", [slot(2)], seq=1, epoch=0, agent="mia") == 2
        assert (await log.history("ann")).events == (slot(1), slot(2))
        assert [each.reply for each in await log.outgoing("ann")] == [own]
        assert not await log.begin_sending(first.outbox_id, part=1)
        assert list(await log.unfinished(older_than_s=0)) == ["ann"]  # a person's words wait
        for seq, epoch in ((1, 0), (2, 0)):
            with pytest.raises(Conflict):
                await log.commit("ann", [slot(3)], seq=seq, epoch=epoch)
            with pytest.raises(Conflict):
                await log.take_over("ann", [slot(3)], seq=seq, epoch=epoch, agent="tom")
        assert await log.commit("ann", [slot(3)], seq=2, epoch=1) == 3

    async def test_a_conversation_is_asked_for_taken_and_handed_back(self, log: Log) -> None:
        asked = await log.ask_for_person("ann", reason="angry")
        assert (asked.agent, asked.reason) == (None, "angry")
        assert await log.ask_for_person("ann", reason="again") == asked
        await log.ask_for_person("bob")
        assert await log.handoff("eve") is None
        assert await log.take_over("ann", [], seq=0, epoch=0, agent="mia") == 0
        taken = await log.handoff("ann")
        assert taken
        assert (taken.agent, taken.reason) == ("mia", "angry")
        assert await log.ask_for_person("ann") == taken
        assert await log.handoffs(taken=True) == [taken]
        assert [each.conversation_id for each in await log.handoffs(taken=False)] == ["bob"]
        assert await log.handoffs(agent="tom") == []
        assert len(await log.handoffs(limit=1)) == 1
        await log.take_over("ann", [], seq=0, epoch=1, agent="tom")
        assert [each.agent for each in await log.handoffs(taken=True)] == ["tom"]
        with pytest.raises(Conflict):
            await log.hand_back("ann", [slot(1)], seq=0, epoch=1)
        assert await log.hand_back("ann", [slot(1)], seq=0, epoch=2) == 1
        assert await log.handoff("ann") is None
        assert (await log.history("ann")).events == (slot(1),)

    async def test_a_bot_that_falls_silent_calls_for_a_person_and_speaking_again_takes_that_back(
        self, log: Log
    ) -> None:
        gave_up = ActionExecuted(name="action_give_up")
        silent: list[Event] = [gave_up, slot(1), ConversationPaused()]
        assert await log.commit("ann", silent, seq=0, epoch=0) == 3
        waiting = await log.handoff("ann")
        assert waiting
        assert (waiting.agent, waiting.reason) == (None, "action_give_up")
        await log.commit("ann", [ConversationPaused()], seq=3, epoch=0)
        assert await log.handoffs(taken=False) == [waiting]  # it has waited since then
        await log.commit("ann", [Restarted()], seq=4, epoch=0)
        assert await log.handoff("ann") is None
        back: list[Event] = [ConversationResumed()]
        await log.commit("bob", [ConversationPaused(), *back], seq=0, epoch=0)
        assert await log.handoff("bob") is None
        with pytest.raises(Conflict):
            await log.commit("ann", silent, seq=4, epoch=0)
        assert await log.handoff("ann") is None
        await log.commit("ann", silent, seq=5, epoch=0)
        await log.take_over("ann", [], seq=8, epoch=0, agent="mia")
        await log.commit("ann", back, seq=8, epoch=1)
        taken = await log.handoff("ann")
        assert taken
        assert (taken.agent, taken.reason) == ("mia", "action_give_up")

    async def test_replies_that_nobody_took_are_kept_for_who_comes_back(self, log: Log) -> None:
        for number in range(MISSED_OF + 2):
            accepted = await log.accept(Message("ann", str(number)))
            await log.commit(
                "ann",
                [],
                seq=0,
                epoch=0,
                inbox_id=accepted.inbox_id,
                replies=[Reply("ann", str(number)), Reply("ann", "taken")],
            )
            unheard, taken = await log.outgoing("ann")
            await log.mark_sent(unheard.outbox_id, state="missed")
            await log.mark_sent(taken.outbox_id)
        assert await log.unfinished(older_than_s=0) == []
        missed = await log.missed("ann")
        assert [one.reply.text for one in missed] == [str(n) for n in range(2, MISSED_OF + 2)]
        await log.mark_sent(missed[0].outbox_id)
        first, *_ = await log.missed("ann")
        assert first.reply.text == "3"
        assert await log.missed("bob") == []

    async def test_replies_already_delivered_are_not_sent_again(self, log: Log) -> None:
        await log.commit("ann", [], seq=0, epoch=0, replies=[Reply("ann", "x")], sent=True)
        assert await log.outgoing("ann") == []
        assert await log.unfinished(older_than_s=0) == []

    async def test_unfinished_are_conversations_with_messages_or_replies_left(
        self, log: Log
    ) -> None:
        done = await log.accept(message("hello", conversation_id="done"))
        await log.commit("done", [], seq=0, epoch=0, inbox_id=done.inbox_id)
        await log.accept(message("hello", conversation_id="message left"))
        await log.accept(message("hello", conversation_id="message left"))
        await log.commit("reply left", [], seq=0, epoch=0, replies=[Reply("x", "x")])
        found = await log.unfinished(older_than_s=0)
        assert list(found) == ["message left", "reply left"]
        assert list(await log.unfinished(older_than_s=0, limit=1)) == ["message left"]
        assert list(await log.unfinished(older_than_s=3600)) == []

    async def test_tries_are_counted(self, log: Log) -> None:
        accepted = await log.accept(message("hello"))
        assert [await log.tried(accepted.inbox_id) for _ in range(3)] == [1, 2, 3]

    async def test_what_was_done_long_ago_is_cleared_and_the_rest_is_kept(self, log: Log) -> None:
        done = await log.accept(message("done", message_id="m1"))
        replies = [Reply("ann", "x")]
        await log.commit(
            "ann", [slot(1)], seq=0, epoch=0, inbox_id=done.inbox_id, replies=replies, sent=True
        )
        await log.accept(message("waits", message_id="m2"))
        await log.commit("bob", [], seq=0, epoch=0, replies=[Reply("bob", "unsent")])
        assert await log.clear(older_than_s=3600) == 0
        assert (await log.accept(message("done", message_id="m1"))).replies == tuple(replies)
        assert await log.clear(older_than_s=-1) == 2
        assert await _texts_waiting(log) == "waits"
        assert len(await log.outgoing("bob")) == 1
        assert (await log.history("ann")).events == (slot(1),)
        again = await log.accept(message("done", message_id="m1"))
        assert (again.done, again.position) == (False, 2)

    async def test_rows_that_do_not_exist_are_named(self, log: Log) -> None:
        for asked in (log.accepted(4711), log.tried(4711), log.mark_sent(4711)):
            with pytest.raises(NotFound, match="4711"):
                await asked

    async def test_a_log_that_works_answers_a_ping(self, log: Log) -> None:
        await log.ping()


def message(text: str, **fields: Any) -> Message:
    """A message of the conversation ``ann``, unless another is named."""
    return Message(**{"conversation_id": "ann", "text": text, **fields})


def slot(value: Any) -> SlotSet:
    return SlotSet(name="n", value=value, timestamp=1.0)


async def _texts_waiting(log: Log) -> str | None:
    waiting = await log.waiting("ann")
    return waiting.message.text if waiting else None
