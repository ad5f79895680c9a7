import asyncio
import threading

import pytest

from nlu.batcher import MicroBatcher
from nlu.errors import NluError, NluUnavailable


class Gate:
    """Waits to be let through, remembers its batches; answers each text with itself doubled."""

    def __init__(self):
        self.batches = []
        self.threads = set()
        self._open = threading.Semaphore(0)
        self._entered = threading.Semaphore(0)

    def __call__(self, batch):
        self.batches.append(list(batch))
        self.threads.add(threading.get_ident())
        self._entered.release()
        assert self._open.acquire(timeout=10)
        return [text * 2 for text in batch]

    async def entered(self):
        assert await asyncio.to_thread(self._entered.acquire, timeout=10)

    def let_through(self, times):
        self._open.release(times)


async def queued(batcher, count):
    while batcher.queue_length < count:  # noqa: ASYNC110 - turns of the loop, not a time
        await asyncio.sleep(0)


async def test_requests_that_arrive_while_the_model_runs_share_the_next_batch():
    model = Gate()
    async with MicroBatcher(model, length=len, max_tokens=100) as batcher:
        first = asyncio.create_task(batcher.submit("a"))
        await model.entered()
        rest = [asyncio.create_task(batcher.submit(text)) for text in ("bb", "cc")]
        await queued(batcher, 3)
        model.let_through(2)
        assert await asyncio.gather(first, *rest) == ["aa", "bbbb", "cccc"]
    assert model.batches == [["a"], ["bb", "cc"]]
    assert len(model.threads) == 1


async def test_a_batch_holds_no_more_padded_tokens_than_allowed():
    model = Gate()
    async with MicroBatcher(model, length=len, max_tokens=6) as batcher:
        model.let_through(10)
        texts = ["aaaaaaaaa", "bbb", "c", "ddd", "e"]
        await asyncio.gather(*(batcher.submit(text) for text in texts))
    assert model.batches == [["c", "e"], ["bbb", "ddd"], ["aaaaaaaaa"]]


async def test_with_no_tokens_allowed_each_runs_alone():
    model = Gate()
    async with MicroBatcher(model, length=len, max_tokens=0) as batcher:
        model.let_through(3)
        await asyncio.gather(*(batcher.submit(text) for text in ("bb", "a", "cc")))
    assert model.batches == [["a"], ["bb"], ["cc"]]


async def test_a_full_queue_refuses_and_goes_on_once_emptied():
    model = Gate()
    async with MicroBatcher(model, length=len, max_tokens=100, most_waiting=2) as batcher:
        waiting = [asyncio.create_task(batcher.submit(text)) for text in "ab"]
        await queued(batcher, 2)
        with pytest.raises(NluUnavailable, match="2 messages already wait"):
            await batcher.submit("c")
        model.let_through(3)
        assert await asyncio.gather(*waiting) == ["aa", "bb"]
        assert await batcher.submit("d") == "dd"


async def test_a_caller_that_gives_up_costs_the_others_nothing():
    model = Gate()
    async with MicroBatcher(model, length=len, max_tokens=100) as batcher:
        first = asyncio.create_task(batcher.submit("a"))
        await model.entered()
        second, third = (asyncio.create_task(batcher.submit(text)) for text in "bc")
        await queued(batcher, 3)
        first.cancel()
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        model.let_through(2)
        assert await third == "cc"
    assert model.batches == [["a"], ["c"]]


async def test_one_request_that_breaks_the_model_is_the_only_one_to_fail():
    def model(batch):
        if "poison" in batch:
            raise ValueError("poison")
        return [text.upper() for text in batch]

    async with MicroBatcher(model, length=len, max_tokens=100) as batcher:
        answers = await asyncio.gather(
            *(batcher.submit(text) for text in ("a", "poison", "b")), return_exceptions=True
        )
    assert answers[0] == "A"
    assert answers[2] == "B"
    assert isinstance(answers[1], ValueError)


async def test_a_request_that_cannot_be_measured_fails_alone():
    class Panic(BaseException):
        """As native code raises it."""

    def length(text):
        if text == "bad":
            raise Panic
        return len(text)

    async with MicroBatcher(list, length=length, max_tokens=100) as batcher:
        answers = await asyncio.gather(
            batcher.submit("bad"), batcher.submit("good"), return_exceptions=True
        )
    assert isinstance(answers[0], NluError)
    assert answers[1] == "good"


async def test_a_model_that_answers_too_little_is_an_error_not_a_silence():
    async with MicroBatcher(lambda batch: [], length=len, max_tokens=100) as batcher:
        with pytest.raises(ValueError, match="zip"):
            await batcher.submit("a")


async def test_closing_ends_the_batch_at_work_and_refuses_what_waits():
    model = Gate()
    async with MicroBatcher(model, length=len, max_tokens=100) as batcher:
        first = asyncio.create_task(batcher.submit("a"))
        await model.entered()
        second = asyncio.create_task(batcher.submit("b"))
        await queued(batcher, 2)
        model.let_through(1)
        closing = asyncio.create_task(batcher.__aexit__(None, None, None))
        assert await first == "aa"
        with pytest.raises(NluUnavailable, match="closing"):
            await second
        await closing
        with pytest.raises(NluUnavailable, match="closing"):
            await batcher.submit("c")
    assert model.batches == [["a"]]


async def test_the_queue_is_empty_when_everybody_is_answered():
    async with MicroBatcher(list, length=len, max_tokens=100) as batcher:
        await asyncio.gather(*(batcher.submit("x") for _ in range(50)))
        await asyncio.sleep(0)
        assert batcher.queue_length == 0
