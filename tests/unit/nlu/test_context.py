from __future__ import annotations

import asyncio

import pytest

from nlu.bundle import open_bundle
from nlu.errors import BundleError
from nlu.parse import NO_CONTEXT, Context
from nlu.pipeline import Nlu, Pipeline, serve
from nlu.tokenizer import Tokenizer, pad
from tests.unit.nlu.conftest import SPECIAL, VOCABULARY, tiny_graph

CLS, SEP = SPECIAL[2:]


def tokenizer(tiny: bytes, most: int = 12, turns: int = 2) -> Tokenizer:
    return Tokenizer(tiny, max_tokens=8, context_tokens=most, context_turns=turns)


def read(tokenizer: Tokenizer, context: Context) -> list[str]:
    return [VOCABULARY[piece] for piece in tokenizer.encode("tea", context).ids]


def test_the_slot_the_bot_and_the_user_before_stand_behind_the_text(tiny: bytes):
    context = Context("order green tea", "new_york", ("hello", "bye", "open"))
    assert read(tokenizer(tiny, 20), context) == [
        CLS, "tea", SEP, "new", "york", SEP, "order", "green", "tea", SEP, "hello", SEP, "bye", SEP,
    ]  # fmt: skip


def test_the_oldest_goes_first_and_of_a_long_answer_the_end_stays(tiny: bytes):
    context = Context("hello hello hello order green tea", "price", ("bye",))
    assert read(tokenizer(tiny, 6), context) == [
        CLS, "tea", SEP, "price", SEP, "order", "green", "tea", SEP,
    ]  # fmt: skip
    long = Context("hello " * 1000 + "bye")
    assert read(tokenizer(tiny, 4), long) == [CLS, "tea", SEP, "hello", "hello", "bye", SEP]


def test_words_are_those_of_the_text_alone(tiny: bytes):
    tokens = tokenizer(tiny).encode("green tea", Context("order tea"))
    assert tokens.words == ((0, 5), (6, 9))
    assert list(tokens.firsts) == [1, 2]
    batch = pad([tokens, tokenizer(tiny).encode("bye")], pad_id=0)
    assert batch.types.tolist() == [[0, 0, 0, 0, 1, 1, 1], [0] * 7]
    assert batch.mask.tolist() == [[1] * 7, [1, 1, 1, 0, 0, 0, 0]]


def test_a_model_without_context_reads_none(tiny: bytes):
    plain = Tokenizer(tiny, max_tokens=8)
    assert plain.encode("tea", Context("order")) == plain.encode("tea")


@pytest.mark.parametrize("slot", [5, ["size"], "\ud800", ""])
def test_whatever_a_slot_is_called_a_text_can_be_read(tiny: bytes, slot: object):
    tokens = tokenizer(tiny).encode("tea", Context("\udfff", slot, ("",)))  # type: ignore[arg-type]
    assert len(tokens.ids) <= 3 + 12


async def test_what_the_bot_said_tells_what_the_user_means(make_bundle):
    folder = make_bundle(graph=tiny_graph(context=True), context_tokens=8)
    async with serve(open_bundle(folder)) as served:
        nlu = Nlu(Pipeline(), served)
        said = {"greet": "hello", "bye": "bye", "order": "order open order"}
        found = await asyncio.gather(*(nlu.parse("tea", Context(text)) for text in said.values()))
        assert [parse.intent.name for parse in found] == list(said)
        assert all([e.value for e in parse.entities] == ["tea"] for parse in found)
        unsure = await nlu.parse("tea", NO_CONTEXT)
        assert unsure.intent.confidence < 0.5


def test_a_manifest_that_promises_a_context_needs_a_graph_that_reads_one(make_bundle):
    with pytest.raises(BundleError, match="reads no context"):
        open_bundle(make_bundle(context_tokens=8))


def test_a_manifest_with_less_than_no_context_is_refused(make_bundle):
    with pytest.raises(BundleError, match="at least 0"):
        open_bundle(make_bundle(context_turns=-1))
