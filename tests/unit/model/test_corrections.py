from collections.abc import AsyncIterator

import msgspec
import numpy as np
import pytest

from bot.model.corrections import Corrector, heeding
from bot.review.item import Opinion, ReviewItem, new_id
from bot.store.reviews import SqlReviews, open_reviews
from nlu.corrections import Belief, Corrections
from nlu.errors import NluUnavailable
from nlu.keywords import Keywords
from nlu.pipeline import Heeded, Nlu, Pipeline

INTENTS = ("bye", "greet")
VECTORS = {"cheers": np.array([1, 0], np.float32), "salut": np.array([0, 1], np.float32)}
UNSURE = Belief(np.array([0.5, 0.5]))


@pytest.fixture
async def reviews(sqlite_url: str) -> AsyncIterator[SqlReviews]:
    async with open_reviews(sqlite_url) as reviews:
        yield reviews


async def read(text: str) -> np.ndarray:
    return VECTORS[text]


async def decide(reviews: SqlReviews, text: str, intent: str | None, **facts: str) -> ReviewItem:
    """Propose a sentence and label it."""
    item = ReviewItem(new_id(), text, conversation_id=f"{text} {intent}", seq=1)
    await reviews.propose([item])
    label = "intent" if intent else "out_of_scope"
    return await opine(reviews, item.id, Opinion(label, "ann", 1.0, intent, **facts))


async def opine(reviews: SqlReviews, item_id: str, decision: Opinion | None) -> ReviewItem:
    state = "decided" if decision else "skipped"
    found = await reviews.item(item_id)
    changed = msgspec.structs.replace(found, decision=decision, state=state)
    return (await reviews.keep([changed]))[0]


def best(heeded: Heeded, text: str) -> str:
    mixed = heeded.corrections.mixed(UNSURE, VECTORS[text])
    return "" if mixed is UNSURE else INTENTS[int(mixed.intents.argmax())]


async def test_labels_are_heeded_as_they_come_and_go(reviews):
    heeded = Heeded(Corrections(INTENTS), read)
    corrector = Corrector(heeded, reviews)
    item = await decide(reviews, "cheers", "bye")
    await corrector.look()
    assert best(heeded, "cheers") == "bye"
    await opine(reviews, item.id, Opinion("intent", "bob", 2.0, "greet"))
    await corrector.look()
    assert best(heeded, "cheers") == "greet"
    await opine(reviews, item.id, None)
    await corrector.look()
    assert best(heeded, "cheers") == ""


async def test_what_was_erased_is_heeded_no_more(reviews):
    heeded = Heeded(Corrections(INTENTS), read)
    corrector = Corrector(heeded, reviews)
    item = await decide(reviews, "cheers", "bye")
    await corrector.look()
    await reviews.erase(item.conversation_id)
    await corrector.look()
    assert len(heeded.corrections) == 0


async def test_guesses_and_unknown_intents_wait_for_the_rebuild(reviews):
    heeded = Heeded(Corrections(INTENTS), read)
    await decide(reviews, "cheers", "bye", kind="weak")
    await decide(reviews, "salut", "complain")
    await Corrector(heeded, reviews).look()
    assert len(heeded.corrections) == 0


async def test_what_the_model_has_learnt_is_not_heeded_again(reviews):
    item = await decide(reviews, "cheers", "bye")
    await decide(reviews, "salut", "greet")
    heeded = Heeded(Corrections(INTENTS), read, reviewed=item.revision)
    await Corrector(heeded, reviews).look()
    assert best(heeded, "cheers") == ""
    assert best(heeded, "salut") == "greet"


async def test_a_label_is_not_lost_while_the_model_has_too_much_to_do(reviews):
    busy = True

    async def slow(text: str) -> np.ndarray:
        if busy:
            raise NluUnavailable("too many wait")
        return VECTORS[text]

    heeded = Heeded(Corrections(INTENTS), slow)
    corrector = Corrector(heeded, reviews)
    await decide(reviews, "cheers", "bye")
    with pytest.raises(NluUnavailable):
        await corrector.look()
    busy = False
    await corrector.look()
    assert best(heeded, "cheers") == "bye"


@pytest.mark.parametrize("nlu", [Nlu(Pipeline()), Keywords({})])
async def test_an_understanding_without_a_model_is_left_alone(nlu, reviews):
    async with heeding(nlu, reviews):
        pass
