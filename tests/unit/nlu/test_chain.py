from __future__ import annotations

import io
import itertools
from pathlib import Path

import numpy as np
import pytest

from nlu.bundle import open_bundle
from nlu.chain import NEVER, Chain, illegal, read_chain, write_chain
from nlu.errors import BundleError
from nlu.pipeline import Nlu, Pipeline, serve

TAGS = 5  # O, and B and I of two labels
OUT, B_CITY, I_CITY, B_ITEM, I_ITEM = range(TAGS)


@pytest.fixture
def chain() -> Chain:
    random = np.random.default_rng(3)
    return Chain.of(random.normal(size=TAGS), random.normal(size=(TAGS, TAGS)))


def score(chain: Chain, emissions: np.ndarray, tags: tuple[int, ...]) -> float:
    steps = sum(chain.transitions[pair] for pair in itertools.pairwise(tags))
    return float(chain.start[tags[0]] + emissions[np.arange(len(tags)), list(tags)].sum() + steps)


def every(words: int) -> list[tuple[int, ...]]:
    return list(itertools.product(range(TAGS), repeat=words))


def as_file(start: np.ndarray, transitions: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, start=start, transitions=transitions)
    return file.getvalue()


async def test_a_bundles_chain_has_a_say_in_its_entities(make_bundle):
    transitions = np.zeros((TAGS, TAGS), np.float32)
    transitions[B_ITEM, I_ITEM] = 1.0
    content = as_file(np.zeros(TAGS, np.float32), transitions)
    found = []
    for folder in (
        make_bundle(version="without"),
        make_bundle(version="with", more={"chain.npz": content}, chain="chain.npz"),
    ):
        async with serve(open_bundle(folder)) as served:
            parse = await Nlu(Pipeline(), served).parse("green tea to berlin")
            found.append([(each.value, each.entity) for each in parse.entities])
            assert all(0.5 < each.confidence_entity <= 1 for each in parse.entities)
    city = ("berlin", "city")
    assert found == [[("green", "item"), ("tea", "item"), city], [("green tea", "item"), city]]


def test_a_bundle_whose_chain_is_missing_or_of_other_tags_is_refused(make_bundle):
    with pytest.raises(BundleError, match=r"files do not list chain\.npz, which chain names"):
        open_bundle(make_bundle(version="a", chain="chain.npz"))
    content = as_file(np.zeros(3), np.zeros((3, 3)))
    with pytest.raises(BundleError, match="the manifest has 5"):
        open_bundle(make_bundle(version="b", more={"chain.npz": content}, chain="chain.npz"))


def test_the_tags_are_the_best_of_all(chain: Chain):
    random = np.random.default_rng(7)
    for words in (1, 2, 4, 4, 4):
        emissions = 2 * random.normal(size=(words, TAGS)).astype(np.float32)
        best = max(every(words), key=lambda tags: score(chain, emissions, tags))
        assert chain.best(emissions) == list(best)


def test_a_marginal_is_the_share_of_all_tags_that_go_through_it(chain: Chain):
    emissions = np.random.default_rng(8).normal(size=(3, TAGS)).astype(np.float32)
    weights = {tags: np.exp(score(chain, emissions, tags)) for tags in every(3)}
    expected = np.zeros((3, TAGS))
    for tags, weight in weights.items():
        expected[np.arange(3), list(tags)] += weight
    expected /= sum(weights.values())
    assert np.allclose(chain.marginals(emissions), expected, atol=1e-9)


def test_nothing_continues_that_did_not_begin():
    chain = Chain.of(np.zeros(TAGS), np.zeros((TAGS, TAGS)))
    emissions = np.zeros((3, TAGS))
    emissions[:, I_CITY] = 9
    assert chain.best(emissions) == [B_CITY, I_CITY, I_CITY]
    first, following = illegal(TAGS)
    assert first.tolist() == [False, False, True, False, True]
    assert [tuple(map(int, pair)) for pair in np.argwhere(~following[:, [I_CITY]])] == [
        (B_CITY, 0), (I_CITY, 0),
    ]  # fmt: skip
    assert chain.start[I_ITEM] == NEVER


@pytest.mark.parametrize("size", [300.0, -300.0, 3e4])
def test_scores_of_any_size_give_probabilities(chain: Chain, size: float):
    emissions = np.zeros((40, TAGS))
    emissions[::2, I_ITEM] = size
    marginals = chain.marginals(emissions)
    assert np.isfinite(marginals).all()
    assert np.allclose(marginals.sum(axis=1), 1)


def test_no_words_have_no_tags(chain: Chain):
    assert chain.best(np.zeros((0, TAGS))) == []
    assert chain.marginals(np.zeros((0, TAGS))).shape == (0, TAGS)


def test_one_tag_alone_is_that_of_every_word():
    chain = Chain.of(np.zeros(1), np.zeros((1, 1)))
    assert chain.best(np.zeros((2, 1))) == [OUT, OUT]


def test_a_chain_is_read_as_it_was_written(chain: Chain, tmp_path: Path):
    random = np.random.default_rng(3)
    write_chain(tmp_path / "chain.npz", random.normal(size=TAGS), random.normal(size=(TAGS, TAGS)))
    read = read_chain(tmp_path / "chain.npz", TAGS)
    assert np.allclose(read.start, chain.start)
    assert np.allclose(read.transitions, chain.transitions)


def test_a_file_that_holds_no_chain_of_so_many_tags_is_refused(tmp_path: Path):
    path = tmp_path / "chain.npz"
    for content in (b"", b"no zip", b"PK\x05\x06" + bytes(18)):
        path.write_bytes(content)
        with pytest.raises(BundleError, match="holds no chain"):
            read_chain(path, TAGS)
    write_chain(path, np.zeros(3), np.zeros((3, 3)))
    with pytest.raises(BundleError, match="the manifest has 5"):
        read_chain(path, TAGS)
    write_chain(path, np.zeros(TAGS), np.full((TAGS, TAGS), np.nan))
    with pytest.raises(BundleError, match="not finite"):
        read_chain(path, TAGS)
