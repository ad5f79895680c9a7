"""From a project's dialogues to a ranker in its registry: read, train, cluster, fit, publish."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bot.errors import ProjectError
from bot.version import VERSION
from nlu.folder import MANIFEST, file_hashes
from nlu.ranking.candidates import Candidate, classes
from nlu.ranking.certainty import Certainty, fitted
from nlu.ranking.delexicalise import spoken
from nlu.ranking.dialogue import context_text, response_text
from nlu.ranking.encoder import TextEncoder, open_encoder
from nlu.ranking.ranker import read_candidates
from nlu.ranking.ranker_bundle import CANDIDATES, KIND, VECTORS, RankerManifest, save_vectors
from nlu.registry import Registry, new_version
from nlu.session import Float32
from nlu.tokenizer import Tokenizer
from training.ranker_data import Answered, counted
from training.ranker_model import open_model, write_encoder
from training.ranker_recipe import RankerRecipe
from training.ranker_train import Pairs, fit_pairs
from training.step import Step

Report = Callable[[str], None]

MEASURED = 300  # so many texts give the int8 graph its scales
FEWEST_TO_FIT = 20  # answers kept back; with fewer, confidence is a guess
GUESS = Certainty(score=6.0, lead=8.0, offset=-4.0)


@dataclass(frozen=True, slots=True)
class Fit:
    """How sure to be, and from when on to answer; ``scores`` are of answers kept back."""

    certainty: Certainty
    threshold: float
    scores: dict[str, Any]


def build_ranker(
    answered: Sequence[Answered],
    others: Sequence[Candidate],
    recipe: RankerRecipe,
    registry: Registry,
    *,
    data_hash: str,
    watch: Callable[[Step], None] = lambda step: None,
    report: Report = lambda line: None,
) -> RankerManifest:
    """Train on ``answered`` and publish the ranker as the current one of ``registry``.

    Args:
        others: Candidates that nobody need have said: responses and canned answers.

    Raises ProjectError where there is nothing to tell apart.
    """
    if len({each.answer.template for each in answered}) < 2:
        raise ProjectError(
            "there are no two different answers in stories, rules or the log, so there is nothing "
            "to rank."
        )
    started = time.monotonic()
    learnt, kept_back = hold_out(answered, recipe)
    report(f"training on {len(learnt)} answers, {len(kept_back)} kept back")
    with registry.draft() as draft:
        encoder = _trained(learnt, recipe, draft, watch, report)
        every = counted([*others, *(each.answer for each in answered)])
        vectors = read_candidates(every, encoder)
        candidates, group = classes(
            every, vectors, alike=recipe.one_class, most=recipe.most_classes
        )
        report(f"{len(every)} different answers make {len(candidates)} to choose from")
        own = read_candidates(candidates, encoder)
        group_of = {(each.template, each.name): group[i] for i, each in enumerate(every)}
        fit = fit_certainty(kept_back, group_of, own, encoder, recipe)
        save_vectors(candidates, own, draft / VECTORS)
        (draft / CANDIDATES).write_bytes(msgspec.json.encode(candidates))
        (draft / "recipe.toml").write_text(recipe.toml(), "utf-8")
        seconds = round(time.monotonic() - started, 1)
        manifest = _manifest(draft, recipe, fit, data_hash, seconds)
        content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        (draft / MANIFEST).write_bytes(content)
        registry.publish(draft, manifest.version)
    return manifest


def hold_out(
    answered: Sequence[Answered], recipe: RankerRecipe
) -> tuple[list[Answered], list[Answered]]:
    """What to learn from and what to judge by; no dialogue and no context is in both."""
    numbers = sorted({each.dialogue for each in answered})
    count = int(len(numbers) * recipe.holdout)
    back = set(random.Random(recipe.seed).sample(numbers, count))
    learnt = [each for each in answered if each.dialogue not in back]
    if len({each.answer.template for each in learnt}) < 2:
        return list(answered), []
    seen = {each.before for each in learnt}
    return learnt, [e for e in answered if e.dialogue in back and e.before not in seen]


def _trained(
    learnt: Sequence[Answered],
    recipe: RankerRecipe,
    folder: Path,
    watch: Callable[[Step], None],
    report: Report,
) -> TextEncoder:
    model, tokenizer_json = open_model(recipe.encoder, recipe.max_tokens, speakers=recipe.speakers)
    lefts = [context_text(each.before, most_lines=recipe.most_lines) for each in learnt]
    rights = [response_text(spoken(each.answer.template)) for each in learnt]
    rng = random.Random(recipe.seed)
    some = rng.sample([*lefts, *rights], min(2 * len(lefts), MEASURED))
    with tempfile.TemporaryDirectory() as scratch:
        before = Path(scratch)
        write_encoder(model, tokenizer_json, before, max_tokens=recipe.max_tokens, texts=some)
        meanings = _each_once(rights, open_encoder(before, max_tokens=recipe.max_tokens))
    pairs = Pairs(lefts, rights, meanings, _numbered([each.dialogue for each in learnt]))
    tokenizer = Tokenizer(tokenizer_json.encode(), max_tokens=recipe.max_tokens)
    fit_pairs(model, tokenizer, pairs, recipe, watch=watch, report=report)
    write_encoder(model, tokenizer_json, folder, max_tokens=recipe.max_tokens, texts=some)
    return open_encoder(folder, max_tokens=recipe.max_tokens)


def fit_certainty(
    kept_back: Sequence[Answered],
    group_of: dict[tuple[str, str | None], int],
    vectors: Float32,
    encoder: TextEncoder,
    recipe: RankerRecipe,
) -> Fit:
    """Ask for each answer kept back, once with the right one to choose and once without.

    The threshold is the least confidence from which on ``precision`` of the answers are right;
    the median confidence of right ones where no confidence is enough for that.
    """
    asked = [each for each in kept_back if group_of[each.answer.template, each.answer.name] >= 0]
    if len(asked) < FEWEST_TO_FIT or len(vectors) < 3:
        return Fit(GUESS, 0.5, {"kept_back": len(asked)})
    right = [group_of[each.answer.template, each.answer.name] for each in asked]
    texts = [context_text(each.before, most_lines=recipe.most_lines) for each in asked]
    scores = encoder.sentences(texts) @ vectors.T
    ranks = (scores > scores[np.arange(len(right)), right][:, None]).sum(1)
    without = scores.copy()
    without[np.arange(len(right)), right] = -1.0
    best, lead, hit = _tops(np.concatenate([scores, without]), [*right, *([-1] * len(right))])
    certainty = fitted(best, lead, hit)
    sure = np.array([certainty.of(*pair) for pair in zip(best, lead, strict=True)])
    facts = {
        "kept_back": len(asked),
        "right_first": round(float((ranks == 0).mean()), 4),
        "right_in_five": round(float((ranks < 5).mean()), 4),
    }
    return Fit(certainty, threshold_of(sure, np.array(hit), recipe.precision), facts)


def threshold_of(sure: Float32, right: np.ndarray[Any, Any], precision: float) -> float:
    """The least of ``sure`` from which on so many are right."""
    order = np.argsort(-sure, kind="stable")
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(share >= precision)
    if len(enough):
        return round(float(sure[order][enough[-1]]), 4)
    return round(float(np.median(sure[right])), 4) if right.any() else 1.0


def _tops(scores: Float32, right: Sequence[int]) -> tuple[list[float], list[float], list[bool]]:
    ordered = np.sort(scores, axis=1)
    best, second = ordered[:, -1], ordered[:, -2]
    hit = [int(row.argmax()) == wanted for row, wanted in zip(scores, right, strict=True)]
    return best.tolist(), (best - second).tolist(), hit


def _each_once(texts: Sequence[str], encoder: TextEncoder) -> Float32:
    once = list(dict.fromkeys(texts))
    place = {text: index for index, text in enumerate(once)}
    return np.asarray(encoder.sentences(once)[[place[text] for text in texts]])


def _numbered(numbers: Sequence[int]) -> list[int]:
    place = {number: index for index, number in enumerate(sorted(set(numbers)))}
    return [place[number] for number in numbers]


def _manifest(
    draft: Path, recipe: RankerRecipe, fit: Fit, data_hash: str, seconds: float
) -> RankerManifest:
    now = datetime.now(UTC)
    return RankerManifest(
        version=new_version(now, recipe.hash, data_hash),
        created=now.isoformat(timespec="seconds"),
        encoder=recipe.encoder,
        max_tokens=recipe.max_tokens,
        most_lines=recipe.most_lines,
        certainty=fit.certainty,
        threshold=fit.threshold,
        data_hash=data_hash,
        recipe_hash=recipe.hash,
        seed=recipe.seed,
        files=file_hashes(draft),
        parley=VERSION,
        kind=KIND,
        scores={**fit.scores, "seconds": seconds},
    )
