"""FAQ sets: entries to search, and questions whose answers are known."""

from __future__ import annotations

import csv
import json
import random
from dataclasses import dataclass

from nlu.ranking.entry import FaqEntry

from . import hint3
from .parts import path_of

SET = "faq"


@dataclass(frozen=True, slots=True)
class FaqSet:
    """Entries, questions, and for each question the numbers of the entries that are right."""

    entries: tuple[FaqEntry, ...]
    questions: tuple[str, ...]
    right: tuple[frozenset[int], ...]


def covid_faq() -> FaqSet:
    """68 questions with 67 answers; 1,078 different texts of users, some with several answers."""
    rows = json.loads(path_of(SET, "covid_faq", "query_answer_pairs.json").read_bytes())
    faq = [row for row in rows if row["query_type"] == "faq"]
    answers = list(dict.fromkeys(row["answer"] for row in faq))
    wordings = [tuple(r["question"].strip() for r in faq if r["answer"] == a) for a in answers]
    right: dict[str, set[int]] = {}
    for row in rows:
        if row["query_type"] == "user_query":
            right.setdefault(row["question"], set()).add(answers.index(row["answer"]))
    pairs = zip(wordings, answers, strict=True)
    entries = [FaqEntry(f"faq/{i}", own, answer) for i, (own, answer) in enumerate(pairs)]
    return FaqSet(tuple(entries), tuple(right), tuple(map(frozenset, right.values())))


def deepset_covid() -> FaqSet:
    """213 questions with answers; 244 others that mean one of them."""
    with path_of(SET, "deepset_covid", "faq_covidbert.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with path_of(SET, "deepset_covid", "eval_question_similarity_en.csv").open("r") as file:
        similar = [row for row in csv.DictReader(file) if row["similar"].strip().startswith("1")]
    asked = [row["question"].strip() for row in rows]
    return FaqSet(
        tuple(
            FaqEntry(f"faq/{number}", (question,), row["answer"])
            for number, (question, row) in enumerate(zip(asked, rows, strict=True))
        ),
        tuple(row["question_2"] for row in similar),
        tuple(
            frozenset(i for i, each in enumerate(asked) if each == row["question_1"].strip())
            for row in similar
        ),
    )


def stackfaq() -> FaqSet:
    """109 questions without answers; 785 paraphrases made by a machine."""
    text = path_of(SET, "stackfaq_paraphrases", "StackFAQ-paraphrases.tsv").read_text("utf-8")
    rows = [line.split("\t") for line in text.splitlines()]
    asked = list(dict.fromkeys(row[0] for row in rows))
    others = [row for row in rows if row[0].lower().strip() != row[1].lower().strip()]
    return FaqSet(
        tuple(FaqEntry(f"faq/{i}", (question,), "") for i, question in enumerate(asked)),
        tuple(row[1] for row in others),
        tuple(frozenset({asked.index(row[0])}) for row in others),
    )


def hint3_as_faq(bot: str) -> FaqSet:
    """Two training sentences of each intent as wordings, up to eight others as questions."""
    of_intent: dict[str, list[str]] = {}
    for example in hint3.bot(bot).train:
        of_intent.setdefault(example.intent, []).append(example.text)
    rng = random.Random(0)
    entries, questions, right = [], [], []
    for number, intent in enumerate(sorted(of_intent)):
        texts = list(of_intent[intent])
        rng.shuffle(texts)
        entries.append(FaqEntry(f"faq/{intent}", tuple(texts[:2]), ""))
        questions += texts[2:10]
        right += [frozenset({number})] * len(texts[2:10])
    return FaqSet(tuple(entries), tuple(questions), tuple(right))
