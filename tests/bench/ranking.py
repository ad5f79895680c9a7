"""How well answers are chosen: FAQ entries without training, responses after some of it.

    python tests/bench/ranking.py --sets covid_faq sgd --seeds 7 8

prints a table and, with --json FILE, writes it. Sets: covid_faq, deepset_covid, stackfaq, curekart,
powerplay11, sofmattress (searched without training), covid_faq_trained (half of the users' texts as
wordings, the other half asked), sgd (R10@1 after `--pairs` pairs, beside a plain bi-encoder of the
same encoder, pairs and steps).
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import msgspec
import numpy as np
import torch
from sets import faq, sgd
from sets.parts import MissingSetError

from nlu.ranking.dialogue import Line, context_text, response_text
from nlu.ranking.encoder import TextEncoder, open_encoder
from nlu.ranking.entry import FaqEntry
from nlu.ranking.faq import FaqIndex, index_vectors
from nlu.session import Float32
from nlu.tokenizer import Tokenizer
from training.faq_publish import write_faq_encoder
from training.ranker_model import open_model, write_encoder
from training.ranker_recipe import RankerRecipe, load_ranker_recipe
from training.ranker_train import Pairs, fit_pairs

PUBLISHED = {"covid_faq": ".742 (BERT-FAQ, matching the question field)"}
FAQ_SETS: dict[str, Callable[[], faq.FaqSet]] = {
    "covid_faq": faq.covid_faq,
    "deepset_covid": faq.deepset_covid,
    "stackfaq": faq.stackfaq,
    **{bot: (lambda bot=bot: faq.hint3_as_faq(bot)) for bot in faq.hint3.BOTS},
}
SEVERAL = ("covid_faq_trained", "sgd")
DRAWS = 1000  # of the bootstrap


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table; ``low`` and ``high`` hold 95 % of bootstrap draws of the questions."""

    set: str
    method: str
    metric: str
    value: float
    low: float
    high: float
    questions: int
    seconds: float
    seed: int | None = None
    published: str = ""


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    known = [*FAQ_SETS, *SEVERAL]
    parser.add_argument("--sets", nargs="+", default=list(FAQ_SETS), choices=known)
    parser.add_argument("--seeds", nargs="+", type=int, default=[7])
    parser.add_argument("--pairs", type=int, default=1920, help="that SGD is trained on")
    parser.add_argument("--questions", type=int, default=1000, help="of SGD's test")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[Row] = []
    for name in asked.sets:
        try:
            for row in _of(name, asked.seeds, asked.pairs, asked.questions):
                print(_line(row), flush=True)
                rows.append(row)
        except MissingSetError as error:
            print(f"{name}: left out, {error}")
    if asked.json:
        asked.json.write_bytes(msgspec.json.encode([asdict(row) for row in rows]))


def _of(name: str, seeds: Sequence[int], pairs: int, questions: int) -> Iterator[Row]:
    if name in FAQ_SETS:
        yield from untrained(name, FAQ_SETS[name]())
        return
    for seed in seeds:
        if name == "sgd":
            yield from dialogues(seed, pairs, questions)
        else:
            yield from trained(name, faq.covid_faq(), seed)


def untrained(name: str, data: faq.FaqSet) -> Iterator[Row]:
    """The FAQ searched as it is served, and by the cosine of mean vectors alone."""
    recipe = load_ranker_recipe()
    with tempfile.TemporaryDirectory() as scratch:
        started = time.process_time()
        encoder = write_faq_encoder(data.entries, recipe, Path(scratch), train=False)
        index = FaqIndex(data.entries, index_vectors(data.entries, encoder), encoder)
        ours = np.array([index.scores(question) for question in data.questions])
        seconds = time.process_time() - started
        plain = nearest(data, encoder)
    for method, scores in (("mean vectors of questions", plain), ("ours", ours)):
        yield from faq_rows(name, method, scores, data.right, seconds)


def trained(name: str, data: faq.FaqSet, seed: int) -> Iterator[Row]:
    """Half of the users' texts, by their hash, are wordings; the other half is asked."""
    first = [
        int(sha256(text.lower().strip().encode()).hexdigest(), 16) % 2 for text in data.questions
    ]
    learnt = [i for i, half in enumerate(first) if half]
    asked = [i for i, half in enumerate(first) if not half]
    wordings: dict[int, list[str]] = {}
    for index in learnt:
        for entry in sorted(data.right[index]):
            wordings.setdefault(entry, []).append(data.questions[index])
    entries = [
        FaqEntry(each.name, (*each.questions, *wordings.get(i, ())), each.answer)
        for i, each in enumerate(data.entries)
    ]
    recipe = msgspec.structs.replace(load_ranker_recipe(), seed=seed)
    for train in (False, True):
        started = time.process_time()
        with tempfile.TemporaryDirectory() as scratch:
            encoder = write_faq_encoder(entries, recipe, Path(scratch), train=train)
            index = FaqIndex(entries, index_vectors(entries, encoder), encoder)
            scores = np.array([index.scores(data.questions[i]) for i in asked])
        method = "wordings, trained" if train else "wordings, not trained"
        right = [data.right[i] for i in asked]
        yield from faq_rows(name, method, scores, right, time.process_time() - started, seed)


def nearest(data: faq.FaqSet, encoder: TextEncoder) -> Float32:
    """The cosine of the nearest wording of each entry, by mean vectors."""
    owners = [i for i, entry in enumerate(data.entries) for _ in entry.questions]
    asked = encoder.sentences(data.questions)
    wordings = encoder.sentences([text for entry in data.entries for text in entry.questions])
    scores = np.full((len(asked), len(data.entries)), -1.0, dtype=np.float32)
    np.maximum.at(scores.T, owners, wordings @ asked.T)
    return scores


def faq_rows(
    name: str,
    method: str,
    scores: Float32,
    right: Sequence[frozenset[int]],
    seconds: float,
    seed: int | None = None,
) -> Iterator[Row]:
    """MAP over all entries, every right one counted, and how often the first is right."""
    precision, first = [], []
    for row, wanted in zip(scores, right, strict=True):
        order = np.argsort(-row, kind="stable").tolist()
        places = [place for place, entry in enumerate(order, 1) if entry in wanted]
        precision.append(sum(hit / place for hit, place in enumerate(places, 1)) / len(places))
        first.append(float(order[0] in wanted))
    for metric, values in (("MAP", precision), ("R@1", first)):
        yield row_of(name, method, metric, values, seconds, seed)


def dialogues(seed: int, count: int, asked: int) -> Iterator[Row]:
    """SGD: the same encoder, pairs, steps and rate, plain and as the product trains."""
    ours = msgspec.structs.replace(
        load_ranker_recipe(), seed=seed, epochs=1, most_pairs=count, max_tokens=48, most_lines=3
    )
    plain = msgspec.structs.replace(ours, speakers=False, alike=0.0, same_answer=1.0)
    every, rng = sgd.turns("train"), random.Random(seed)
    order = sorted({turn.dialogue for turn in every})
    rng.shuffle(order)
    chosen = [turn for name in order[: count // 6] for turn in _by_dialogue(every, name)][:count]
    questions = sgd.questions("test", count=asked)
    for method, recipe in (("plain bi-encoder", plain), ("ours", ours)):
        started = time.process_time()
        encoder = _fitted(chosen, recipe)
        seconds = time.process_time() - started
        hits = _hits(questions, encoder, recipe)
        yield row_of("sgd", method, "R10@1", hits, seconds, seed)


def _by_dialogue(every: Sequence[sgd.Turn], name: str) -> list[sgd.Turn]:
    return [turn for turn in every if turn.dialogue == name]


def _fitted(turns: Sequence[sgd.Turn], recipe: RankerRecipe) -> TextEncoder:
    model, tokenizer_json = open_model(recipe.encoder, recipe.max_tokens, speakers=recipe.speakers)
    lefts = [_context(turn.context, recipe) for turn in turns]
    rights = [_response(turn.response, recipe) for turn in turns]
    some = [*lefts[:150], *rights[:150]]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_encoder(model, tokenizer_json, folder, max_tokens=recipe.max_tokens, texts=some)
        meanings = open_encoder(folder, max_tokens=recipe.max_tokens).sentences(rights)
        names = {turn.dialogue: 0 for turn in turns}
        numbers = {name: number for number, name in enumerate(names)}
        pairs = Pairs(lefts, rights, meanings, [numbers[turn.dialogue] for turn in turns])
        tokenizer = Tokenizer(tokenizer_json.encode(), max_tokens=recipe.max_tokens)
        fit_pairs(model, tokenizer, pairs, recipe)
        write_encoder(model, tokenizer_json, folder, max_tokens=recipe.max_tokens, texts=some)
        return open_encoder(folder, max_tokens=recipe.max_tokens)


def _hits(
    questions: Sequence[sgd.Question], encoder: TextEncoder, recipe: RankerRecipe
) -> list[float]:
    """For each question whether its own response is nearer than all distractors."""
    texts = list(dict.fromkeys(text for each in questions for text in each.candidates))
    vectors = encoder.sentences([_response(text, recipe) for text in texts])
    place = {text: number for number, text in enumerate(texts)}
    contexts = encoder.sentences([_context(each.turn.context, recipe) for each in questions])
    hits = []
    for context, each in zip(contexts, questions, strict=True):
        right, *wrong = vectors[[place[text] for text in each.candidates]] @ context
        hits.append(float(right > max(wrong)))
    return hits


def _context(lines: Sequence[Line], recipe: RankerRecipe) -> str:
    if recipe.speakers:
        return context_text(lines, most_lines=recipe.most_lines)
    return " ".join(line.text for line in lines[-recipe.most_lines :][::-1])


def _response(text: str, recipe: RankerRecipe) -> str:
    return response_text(text) if recipe.speakers else text


def row_of(
    name: str, method: str, metric: str, values: Sequence[float], seconds: float, seed: int | None
) -> Row:
    """The mean of ``values`` and its interval."""
    array, rng = np.array(values), np.random.default_rng(0)
    means = [rng.choice(array, len(array)).mean() for _ in range(DRAWS)]
    low, high = np.percentile(means, [2.5, 97.5])
    published = PUBLISHED.get(name, "") if metric == "MAP" else ""
    numbers = (round(float(x), 4) for x in (array.mean(), low, high))
    return Row(name, method, metric, *numbers, len(array), round(seconds, 1), seed, published)


def _line(row: Row) -> str:
    seed = "" if row.seed is None else f"seed {row.seed}"
    return (
        f"| {row.set} | {row.method} | {row.metric} | {100 * row.value:.1f} "
        f"({100 * row.low:.1f} to {100 * row.high:.1f}) | {row.questions} | {row.seconds:.0f} s "
        f"| {seed} | {row.published} |"
    )


if __name__ == "__main__":
    main()
