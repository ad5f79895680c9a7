import asyncio

from nlu.ahead import Ahead
from nlu.bundle import open_bundle
from nlu.parse import Context
from nlu.pipeline import Nlu, Pipeline, serve
from tests.unit.nlu.conftest import tiny_graph


class Work:
    """Counts what is begun; ends when it is let."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun, self.ended, self.cancelled = 0, asyncio.Event(), 0
        self._error = error

    async def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        try:
            await self.ended.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self._error:
            raise self._error
        return number


async def test_what_was_begun_is_given_once_and_only_for_its_text():
    ahead, work = Ahead[int](), Work()
    ahead.begin("hello", work)
    ahead.begin("hello", work)  # is under way
    work.ended.set()
    assert await ahead.take("goodbye") is None
    assert await ahead.take("hello") == 1
    assert await ahead.take("hello") is None
    assert work.begun == 1


async def test_what_was_begun_too_long_ago_is_not_given_and_ends():
    now = [0.0]
    ahead, work = Ahead[int](fresh_s=1, clock=lambda: now[0]), Work()
    ahead.begin("hello", work)
    await asyncio.sleep(0)
    now[0] = 1.5
    assert await ahead.take("hello") is None
    await asyncio.sleep(0)
    assert work.cancelled == 1


async def test_of_too_many_that_nobody_asks_for_the_oldest_end():
    ahead, work = Ahead[int](most=2), Work()
    for text in ("a", "b", "c"):
        ahead.begin(text, work)
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert work.cancelled == 1
    work.ended.set()
    assert [await ahead.take(text) for text in ("a", "b", "c")] == [None, 2, 3]


async def test_a_failure_is_met_by_who_asks_anew():
    ahead, work = Ahead[int](), Work(RuntimeError("broken"))
    ahead.begin("hello", work)
    work.ended.set()
    assert await ahead.take("hello") is None


async def test_an_expected_text_is_read_once_and_understood_as_any_other(make_bundle):
    async with serve(open_bundle(make_bundle())) as served:
        nlu, text = Nlu(Pipeline(), served), "hello, order green tea"
        nlu.expect(text)
        await asyncio.sleep(0)
        assert nlu.queue_length == 1
        expected = await nlu.parse(text)
        assert nlu.queue_length == 0
        assert expected == await nlu.parse(text)


async def test_nothing_is_begun_where_others_wait_or_the_context_counts(make_bundle):
    async with serve(open_bundle(make_bundle())) as served:
        nlu = Nlu(Pipeline(), served)
        waits = asyncio.create_task(nlu.parse("bye"))
        await asyncio.sleep(0)
        nlu.expect("hello")
        await asyncio.sleep(0)
        assert nlu.queue_length == 1
        await waits
    graph = {"graph": tiny_graph(context=True), "context_tokens": 8}
    async with serve(open_bundle(make_bundle(**graph))) as served:
        nlu = Nlu(Pipeline(), served)
        nlu.expect("hello")
        await asyncio.sleep(0)
        assert nlu.queue_length == 0
        assert (await nlu.parse("hello", Context("How can I help?"))).intent.name
