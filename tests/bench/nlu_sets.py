"""What each set of `nlu_accuracy.py` trains on, its scores, and what others published for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import combined
import outside
from rejecting import REJECTED, confidence, correlation, decided, threshold
from sets import banking77, braun, clinc150, hint3, multidogo, nlupp, restaurant8k, snips
from sets.parts import Parts

from bot.project.project import Example
from nlu.model import Model
from training.calibration import calibration
from training.evaluate import Answer, score
from training.make import Made
from training.recipe import Recipe

Metrics = dict[str, float]  # in percent, the first is the one that counts


@dataclass(frozen=True, slots=True)
class Asked:
    """A trained model, one of its two graphs, and the set it was trained on."""

    made: Made
    model: Model
    parts: Parts
    recipe: Recipe

    def answers(self, examples: Sequence[Example]) -> list[Answer]:
        """What the graph makes of each of ``examples``."""
        return self.made.ask(examples, model=self.model)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the table.

    ``published`` is what its README states of others, by metric. ``split`` stands between the
    intents of a sentence that has several.
    """

    parts: Callable[[], Parts]
    score: Callable[[Asked], Metrics]
    published: Mapping[str, str] = field(default_factory=dict)
    split: str = ""


def intents(asked: Asked) -> Metrics:
    """Share of the test sentences with the right intent."""
    test = asked.parts.test
    scores = score(test, asked.answers(test))
    return {"accuracy": 100 * scores.intent_accuracy, "macro F1": 100 * scores.intent_macro_f1}


def knowing(asked: Asked, strangers: Callable[[], Parts]) -> Metrics:
    """The same, and how well what has none of the intents is told from what has one."""
    unknown = strangers()

    def heard(examples: Sequence[Example], others: Sequence[Example]) -> outside.Heard:
        answers = asked.answers(examples), asked.answers(others)
        return outside.Heard.of(examples, *answers, asked.made)

    test = heard(asked.parts.test, unknown.test)
    valid = heard(asked.parts.valid, unknown.valid) if unknown.valid else None
    return {"accuracy": 100 * float(test.right.mean())} | outside.figures(test, valid)


def combinations(asked: Asked) -> Metrics:
    """Messages with any number of intents, and their slots."""
    test, made = asked.parts.test, asked.made
    return combined.figures(
        test,
        asked.answers(test),
        split=nlupp.SPLIT,
        several=made.trained.labels.several,
        temperature=made.temperature,
    )


def joint(asked: Asked) -> Metrics:
    """Intents, slots (strict spans) and whole sentences."""
    test = asked.parts.test
    scores = score(test, asked.answers(test))
    return {
        "intent": 100 * scores.intent_accuracy,
        "slot F1": 100 * scores.entities.f1,
        "sentence": 100 * scores.sentence_accuracy,
    }


def turns(asked: Asked) -> Metrics:
    """Turns of conversations: most are of one intent, so each intent counts alike."""
    test = asked.parts.test
    scores = score(test, asked.answers(test))
    return {
        "macro F1": 100 * scores.intent_macro_f1,
        "slot F1": 100 * scores.entities.f1,
        "intent": 100 * scores.intent_accuracy,
        "sentence": 100 * scores.sentence_accuracy,
    }


def spans(asked: Asked) -> Metrics:
    """Slots alone."""
    test = asked.parts.test
    scores = score(test, asked.answers(test))
    return {"slot F1": 100 * scores.entities.f1, "macro slot F1": 100 * scores.entity_macro_f1}


def braun_f(asked: Asked) -> Metrics:
    """Micro F of the intents; then of intents and entities together. ``None`` is left out."""
    test = asked.parts.test
    answers = asked.answers(test)
    hit = given = wanted = 0
    for example, answer in zip(test, answers, strict=True):
        right = example.intent == answer.intent
        hit += right and example.intent != braun.NONE
        given += answer.intent != braun.NONE
        wanted += example.intent != braun.NONE
    found = score(test, answers).entities
    spans = round(found.recall * found.support)
    offered = round(spans / found.precision) if found.precision else 0
    return {
        "intent F": f_measure(hit, given, wanted),
        "intents and entities F": f_measure(hit + spans, given + offered, wanted + found.support),
    }


def rejecting(asked: Asked) -> Metrics:
    """Matthews's correlation when answers below a threshold are rejected; then its two sides.

    The threshold comes from the training sentences.
    """
    least = threshold(asked.made, asked.recipe)
    test = asked.parts.test
    heard = [
        (
            REJECTED if example.intent == hint3.OUTSIDE else example.intent,
            answer.intent,
            confidence(answer, asked.made.temperature),
        )
        for example, answer in zip(test, asked.answers(test), strict=True)
    ]
    inside = [(sure, right == said) for right, said, sure in heard if right != REJECTED]
    confidences, known = zip(*inside, strict=True)
    outside = [sure < least for right, _, sure in heard if right == REJECTED]
    return {
        "MCC": correlation(decided(heard, least)),
        "in-scope accuracy, nothing rejected": 100 * sum(known) / len(known),
        "in-scope ECE": 100 * calibration(confidences, known).ece,
        "out-of-scope recall": 100 * sum(outside) / len(outside),
        "threshold": least,
    }


def f_measure(hit: int, given: int, wanted: int) -> float:
    """Percent."""
    return 200 * hit / max(given + wanted, 1)


SETS: dict[str, Entry] = {
    "banking77": Entry(
        banking77.full,
        intents,
        {"accuracy": "BERT-base 93.7, ConvBERT class up to 94.4 (design note)"},
    ),
    "banking77-10": Entry(
        partial(banking77.few, 10),
        intents,
        {"accuracy": "RoBERTa-base 84.27, DNNC 86.71, CPFT 87.20, ICDA 89.79"},
    ),
    "banking77-5": Entry(
        partial(banking77.few, 5),
        intents,
        {"accuracy": "RoBERTa-base 74.04, DNNC 80.40, CPFT 80.86, ICDA 84.01"},
    ),
    "clinc150": Entry(
        clinc150.in_scope,
        partial(knowing, strangers=clinc150.out_of_scope),
        {
            "accuracy": "BERT-base 96.9 (Larson and others 2019)",
            "OOS recall, threshold chosen": "BERT-base 52.3, with 96.2 in scope",
        },
    ),
    "banking77-50": Entry(
        banking77.fifty,
        partial(knowing, strangers=banking77.other_27),
        {"accuracy": "none comparable: the published split has wrong labels"},
    ),
    "snips": Entry(
        snips.joint,
        joint,
        {"intent": "BERT-base 98.6 to 99.1", "slot F1": "96.9 to 97.2", "sentence": "92.8 to 93.6"},
    ),
    "braun-chatbot": Entry(
        partial(braun.corpus, "chatbot"),
        braun_f,
        {"intent F": "Rasa 98 (2018 survey)", "intents and entities F": "Rasa 93, Snips 92"},
    ),
    "braun-askubuntu": Entry(
        partial(braun.corpus, "askubuntu"),
        braun_f,
        {"intent F": "Rasa 86 (2018 survey)", "intents and entities F": "Rasa 78 to 84, Snips 82"},
    ),
    "braun-webapplications": Entry(
        partial(braun.corpus, "webapplications"),
        braun_f,
        {"intent F": "Rasa 74 (2018 survey)", "intents and entities F": "Rasa 59 to 61, Snips 65"},
    ),
}
SETS |= {
    f"nlupp-{domain}-{fold}": Entry(
        partial(nlupp.fold, domain, fold), combinations, split=nlupp.SPLIT
    )
    for domain in nlupp.DOMAINS
    for fold in range(nlupp.FOLDS)
}
SETS |= {
    f"multidogo-{name}": Entry(partial(multidogo.domain, name, conversations=50), turns)
    for name in multidogo.DOMAINS
}
SETS |= {
    f"restaurant8k-{halvings}": Entry(partial(restaurant8k.spans, halvings), spans)
    for halvings in range(9)
}
SETS |= {
    f"hint3-{name}": Entry(
        partial(hint3.bot, name), rejecting, {"MCC": f"{best} (best over thresholds on the test)"}
    )
    for name, best in (
        ("curekart", "Haptik .603, BERT .553"),
        ("powerplay11", "Haptik .425, BERT .347"),
        ("sofmattress", "Dialogflow .638, BERT .617"),
    )
}
