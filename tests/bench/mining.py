"""What the miners find, with labels hidden: `python tests/bench/mining.py suspects|new_intents`.

suspects: a tenth of the training labels is exchanged, for any other or for one of the five nearest;
how many of them are among the first 15 % that are suggested.

new_intents: a fifth of the intents is taken out and its sentences are put together; NMI and B³ F1
against what they were, beside k-means on the same sentence vectors, told the number of intents,
or choosing it by the silhouette.

Vectors are those of the encoder as it comes (float32); no model is trained. Of sets with several
parts those to train or to validate on are taken.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from line import show
from sets import banking77, clinc150, multidogo
from sets.parts import path_of
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from transformers import AutoModel, AutoTokenizer

from bot.project.project import Example
from training.encoders import find_encoder
from training.mining.light import fitted
from training.mining.scores import b_cubed, nmi
from training.mining.space import learnt
from training.mining.suspects import doubt

ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
FEWEST = 4
MOST_KNOWN, MOST_NEW = 6000, 1200
TRIED = (2, 3, 4, 6, 8, 10, 14, 20, 28, 40, 56)  # numbers of clusters for the silhouette

Vectors = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int_]


def natcs(name: str) -> list[Example]:
    lines = path_of("dstc11_natcs", f"{name}.jsonl").read_text("utf-8").splitlines()
    return [Example(row["utterance"], row["intent"]) for row in map(json.loads, lines)]


SETS = {
    "banking77": lambda: banking77.full().train,
    "clinc150": lambda: clinc150.in_scope("small").train,
    **{
        f"multidogo {one}": partial(lambda d: multidogo.domain(d).valid, one)
        for one in multidogo.DOMAINS
    },
    **{
        f"natcs {one}": partial(natcs, one)
        for one in ("insurance_dev", "banking_test", "finance_test")
    },
}


def encoded(texts: Sequence[str]) -> Vectors:
    """The mean of the encoder's last layer, of length 1, (texts, hidden)."""
    torch.set_num_threads(1)
    place = find_encoder(ENCODER)
    tokenizer, model = AutoTokenizer.from_pretrained(place), AutoModel.from_pretrained(place).eval()
    found = np.zeros((len(texts), model.config.hidden_size), np.float32)
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    with torch.inference_mode():
        for begin in range(0, len(order), 64):
            some = order[begin : begin + 64]
            batch = tokenizer(
                [texts[index] for index in some],
                padding=True, truncation=True, max_length=64, return_tensors="pt",
            )  # fmt: skip
            hidden = model(**batch).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(-1)
            mean = (hidden * mask).sum(1) / mask.sum(1)
            found[some] = torch.nn.functional.normalize(mean, dim=1).numpy()
    return found


def planted(vectors: Vectors, labels: Labels, *, near: bool, seed: int) -> float:
    """The share of wrong labels among the first 15 % suggested."""
    classes, draw = labels.max() + 1, np.random.default_rng(seed)
    wrong = draw.permutation(len(labels))[: len(labels) // 10]
    centres = np.stack([vectors[labels == one].mean(0) for one in range(classes)])
    alike = centres @ centres.T
    np.fill_diagonal(alike, -np.inf)
    nearest = np.argsort(-alike, axis=1)[:, : min(5, classes - 1)]
    given = labels.copy()
    if near:
        given[wrong] = nearest[labels[wrong], draw.integers(0, nearest.shape[1], len(wrong))]
    else:
        given[wrong] = (labels[wrong] + draw.integers(1, classes, len(wrong))) % classes
    first = np.argsort(-doubt(fitted(vectors, given.tolist(), classes).left_out, given))
    return float(np.isin(first[: int(0.15 * len(labels))], wrong).sum() / len(wrong))


def put_together(vectors: Vectors, labels: Labels, seed: int) -> dict[str, float]:
    """Scores of one draw of the intents that are taken out."""
    draw = np.random.default_rng(seed)
    names = draw.permutation(labels.max() + 1)
    is_new = np.isin(labels, names[: max(2, round(0.2 * len(names)))])
    new = draw.permutation(np.flatnonzero(is_new))[:MOST_NEW]
    known = draw.permutation(np.flatnonzero(~is_new))[:MOST_KNOWN]
    right, texts = labels[new], vectors[new]
    space = learnt(vectors[known], [str(one) for one in labels[known]])
    found = {
        "ours": space.clusters(space.of(texts), fewest=FEWEST),
        "k-means, number known": _k_means(texts, len(set(right.tolist())), seed),
        "k-means, by silhouette": max(
            (_k_means(texts, k, seed) for k in TRIED if k < len(texts) // 4),
            key=lambda one: silhouette_score(texts, one, sample_size=600, random_state=0),
        ),
    }
    return {
        f"{how} {what}": score(right, clusters)
        for how, clusters in found.items()
        for what, score in (("NMI", nmi), ("B3", b_cubed))
    }


def _k_means(vectors: Vectors, k: int, seed: int) -> Labels:
    fitted = KMeans(k, n_init=3, random_state=seed).fit_predict(vectors)
    return np.asarray(fitted, int)


def rows(wanted: argparse.Namespace) -> Iterator[tuple[str, dict[str, float]]]:
    for name in wanted.sets or SETS:
        examples = SETS[name]()
        labels = np.unique([one.intent for one in examples], return_inverse=True)[1]
        vectors = encoded([one.text for one in examples])
        seeds = range(wanted.seed, wanted.seed + wanted.draws)
        if wanted.what == "suspects":
            yield (
                name,
                {
                    f"{kind}{at}": value
                    for kind, near in (("any", False), ("near", True))
                    for at, value in _summed(
                        [planted(vectors, labels, near=near, seed=s) for s in seeds]
                    )
                },
            )
        else:
            scores = [put_together(vectors, labels, seed) for seed in seeds]
            yield (
                name,
                {
                    f"{key}{at}": value
                    for key in scores[0]
                    for at, value in _summed([one[key] for one in scores])
                },
            )


def _summed(values: Sequence[float]) -> list[tuple[str, float]]:
    return [("", round(float(np.mean(values)), 3)), (" sd", round(float(np.std(values)), 3))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("suspects", "new_intents"))
    parser.add_argument("--sets", nargs="*", choices=tuple(SETS))
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--seed", type=int, default=10, help="Of the first draw.")
    wanted = parser.parse_args()
    for name, scores in rows(wanted):
        show(f"mining {wanted.what}", set=name, draws=wanted.draws, seed=wanted.seed, **scores)


if __name__ == "__main__":
    main()
