"""The three corpora of Braun and others 2017: a transport bot, Ask Ubuntu, web applications."""

from __future__ import annotations

import json
import re
from typing import Any

from bot.project.project import Example, ExampleEntity

from .parts import Parts, path_of

SET = "braun_corpora"
CORPORA = {
    "chatbot": "ChatbotCorpus.json",
    "askubuntu": "AskUbuntuCorpus.json",
    "webapplications": "WebApplicationsCorpus.json",
}
NONE = "None"  # the intent of a sentence that has none; left out of the published F
WORD = re.compile(r"\w+|[^\w\s]")  # entities are counted in these


def corpus(name: str) -> Parts:
    """One of ``CORPORA``; each sentence says whether it is to train on."""
    sentences = json.loads(path_of(SET, CORPORA[name]).read_bytes())["sentences"]
    return Parts(
        train=[_example(each) for each in sentences if each["training"]],
        test=[_example(each) for each in sentences if not each["training"]],
    )


def _example(sentence: dict[str, Any]) -> Example:
    text = sentence["text"]
    words = [match.span() for match in WORD.finditer(text)]
    entities = []
    for found in sentence["entities"]:
        start, end = words[found["start"]][0], words[found["stop"]][1]
        if not found["text"].startswith(text[start:end]):  # three of 728 are counted wrong
            start = text.index(found["text"])
            end = start + len(found["text"])
        entities.append(ExampleEntity(start, end, found["entity"], text[start:end]))
    entities.sort(key=lambda entity: entity.start)
    return Example(text=text, intent=sentence["intent"], entities=tuple(entities))
