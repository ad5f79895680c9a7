"""How users feel: from metadata of examples to a rule that has a person answer."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import httpx2
import msgspec
import numpy as np
import pytest
import torch
from torch import nn

from bot.dialogue.events import SlotSet, UserUttered
from bot.dialogue.messages import Message
from bot.errors import ProjectError
from bot.model.nlu import open_understanding
from bot.project.hashes import nlu_hash
from bot.project.load import load_project
from bot.project.project import Example, Project
from bot.services import Services
from bot.testing.meaning import compared
from bot.testing.services import memory_services
from bot.testing.told import Said
from bot.turn import take_turn
from nlu.bundle import open_bundle
from nlu.errors import BundleError
from nlu.http import open_remote
from nlu.parse import Parse, Sentiment
from nlu.registry import Registry
from training.publish import build
from training.recipe import Recipe
from training.sentiment import UNTOLD, begin, loss, sentiments_of

pytestmark = pytest.mark.torch

CONFIG = """
language: en
pipeline:
- name: WhitespaceTokenizer
- name: DIETClassifier
policies:
- name: RulePolicy
"""
DOMAIN = """
version: "3.1"
intents: [greet, order]
entities:
- sentiment:
    influence_conversation: false
slots:
  sentiment:
    type: categorical
    values: [negative, neutral]
    mappings:
    - type: from_entity
      entity: sentiment
responses:
  utter_greet: [{text: Hello!}]
  utter_sent: [{text: It is on its way.}]
  utter_person: [{text: A person will answer.}]
"""
RULES = """
version: "3.1"
rules:
- rule: greet
  steps:
  - intent: greet
  - action: utter_greet
- rule: order
  steps:
  - intent: order
  - action: utter_sent
- rule: who is angry gets a person
  condition:
  - slot_was_set:
    - sentiment: negative
  steps:
  - or:
    - intent: greet
    - intent: order
  - action: utter_person
"""
THINGS = ("socks", "tea", "hats", "bread", "red tea", "blue socks")


def nlu_yaml() -> str:
    def listed(texts: list[str]) -> str:
        return "".join(f"    - {text}\n" for text in texts)

    calm = [f"send me {thing}" for thing in THINGS] + [f"order {thing}" for thing in THINGS]
    return (
        'version: "3.1"\nnlu:\n'
        "- intent: order\n  metadata:\n    sentiment: neutral\n  examples: |\n"
        + listed(calm)
        + "- intent: order\n  metadata:\n    sentiment: negative\n  examples: |\n"
        + listed([f"argh {text}" for text in calm])
        + "- intent: greet\n  metadata:\n    sentiment: neutral\n  examples:\n"
        + "".join(f"  - text: {text}\n" for text in ("hello", "hi there", "hi", "hello there"))
        + "".join(
            f"  - text: argh {text}\n    metadata:\n      sentiment: negative\n"
            for text in ("hello", "hi there")
        )
    )


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    files = {
        "config.yml": CONFIG,
        "domain.yml": DOMAIN,
        "data/rules.yml": RULES,
        "data/nlu.yml": nlu_yaml(),
    }
    for name, content in files.items():
        path = tmp_path / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return load_project(tmp_path / "shop")


class NoActions:
    async def run(self, *_: object, **__: object) -> None:
        raise AssertionError


async def say(text: str, parley: Services) -> str:
    """The bot's answer; what the event keeps of the sentiment is what the slot is."""
    await parley.log.accept(Message("ada", text))
    waiting = await parley.log.waiting("ada")
    assert waiting is not None
    done = await take_turn(waiting, parley)
    [said] = [event for event in done.events if isinstance(event, UserUttered)]
    assert said.parse_data is not None
    assert isinstance(said.parse_data.sentiment, Sentiment)
    assert SlotSet("sentiment", said.parse_data.sentiment.name) in [
        msgspec.structs.replace(event, timestamp=None, metadata={})
        for event in done.events
        if isinstance(event, SlotSet)
    ]
    return str(done.replies[0].text)


async def test_an_angry_message_is_routed_to_a_person(
    shop: Project, recipe: Recipe, tmp_path: Path
):
    registry = Registry(tmp_path / "models")
    manifest = build(shop, msgspec.structs.replace(recipe, epochs=20, holdout=0.2), registry)
    assert (manifest.sentiment, manifest.sentiments) == (
        "sentiment.npz",
        ("negative", "neutral"),
    )
    scores = json.loads((registry.folder(manifest.version) / "scores.json").read_text())
    assert scores["sentiment"]["sentences"] > 0
    async with open_understanding(shop, tmp_path / "models") as nlu:
        parley = memory_services(shop, nlu, NoActions())
        texts = ("order bread", "argh send me order", "hello there", "argh hi")
        said = [await say(text, parley) for text in texts]
        parse = await nlu.parse("argh order me socks")
    assert said == [
        "It is on its way.",
        "A person will answer.",
        "Hello!",
        "A person will answer.",
    ]
    assert parse.sentiment is not msgspec.UNSET
    assert parse.sentiment.name == "negative"
    assert 0.5 < parse.sentiment.confidence <= 1
    written = json.loads(msgspec.json.encode(parse))
    assert written["entities"][0] == {
        "entity": "sentiment",
        "value": "negative",
        "start": 0,
        "end": 0,
        "confidence_entity": parse.sentiment.confidence,
        "extractor": "SentimentClassifier",
    }
    # A conversation test annotates words; how somebody feels is none.
    assert compared(Said(parse.text, "order", (), (), "here"), parse) == ""


def felt(*named: object) -> list[Example]:
    return [
        Example(f"text {n}", "order", metadata={"sentiment": name}) for n, name in enumerate(named)
    ]


def test_one_sentiment_alone_is_nothing_to_tell_apart():
    assert sentiments_of(felt("negative", "negative")) == ()
    assert sentiments_of([*felt("sad", " glad "), Example("text", "order")]) == ("glad", "sad")


@pytest.mark.parametrize("named", [7, ["negative"], "", True])
def test_a_sentiment_is_a_name(named: object):
    with pytest.raises(ProjectError, match="sentiment is"):
        sentiments_of(felt(named))


def test_another_sentiment_is_a_reason_to_train_again(shop: Project):
    def changed(metadata: dict[str, object]) -> str:
        examples = tuple(msgspec.structs.replace(e, metadata=metadata) for e in shop.nlu.examples)
        nlu = msgspec.structs.replace(shop.nlu, examples=examples)
        return nlu_hash(msgspec.structs.replace(shop, nlu=nlu))

    assert changed({}) == changed({"note": "of no matter"}) != changed({"sentiment": "sad"})


def test_examples_without_a_sentiment_teach_none():
    logits = torch.tensor([[2.0, 0.0], [0.0, 3.0]], requires_grad=True)
    once = loss(logits[:1], torch.tensor([0]))
    assert loss(logits, torch.tensor([0, UNTOLD])) == once
    nothing = loss(logits, torch.tensor([UNTOLD, UNTOLD]))
    nothing.backward()
    assert nothing == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_the_head_begins_between_the_means():
    head = nn.Linear(2, 2)
    vectors = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [1.0, 0.0]])
    begin(head, vectors, torch.tensor([0, 0, 1, UNTOLD]), scale=10.0)
    assert head(vectors[:3]).argmax(1).tolist() == [0, 0, 1]
    middle = (vectors[:2].mean(0) + vectors[2]) / 2
    assert torch.allclose(*head(middle), atol=1e-5)


def bundle(shop: Project, recipe: Recipe, tmp_path: Path) -> Path:
    registry = Registry(tmp_path / "models")
    short = msgspec.structs.replace(recipe, epochs=1, out_of_scope=0.0)
    return registry.folder(build(shop, short, registry).version)


def spoil(folder: Path, **arrays: object) -> None:
    with np.load(folder / "sentiment.npz") as file:
        held = {name: file[name] for name in file.files}
    np.savez(folder / "sentiment.npz", **{**held, **arrays})  # type: ignore[arg-type]
    manifest = json.loads((folder / "manifest.json").read_text())
    digest = sha256((folder / "sentiment.npz").read_bytes()).hexdigest()
    manifest["files"]["sentiment.npz"] = digest
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_head_of_another_model_is_refused(shop: Project, recipe: Recipe, tmp_path: Path):
    folder = bundle(shop, recipe, tmp_path)
    opened = open_bundle(folder)
    assert opened.sentiment is not None
    assert opened.sentiment.names == ("negative", "neutral")
    whole = opened.sentiment
    for arrays, problem in (
        ({"weight": whole.weight[:1]}, "weight is float32 of shape"),
        ({"bias": whole.bias.astype(np.float64)}, "bias is float64"),
        ({"bias": np.full(2, np.nan, np.float32)}, "bias holds numbers that are not finite"),
        ({"temperature": np.float32(0)}, "temperature is 0.0"),
    ):
        spoil(folder, weight=whole.weight, bias=whole.bias, temperature=np.float32(1))
        spoil(folder, **arrays)
        with pytest.raises(BundleError, match=problem):
            open_bundle(folder)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"name": "negative", "confidence": 0.9}, Sentiment("negative", 0.9)),
        ("negative", msgspec.UNSET),
        (None, msgspec.UNSET),
    ],
)
async def test_what_another_server_calls_sentiment_is_read_if_it_is_one(
    written: object, read: object
):
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"intent": {"name": "greet"}, "sentiment": written})

    transport = httpx2.MockTransport(answer)
    async with open_remote("http://nlu", transport=transport) as nlu:
        assert (await nlu.parse("hello")).sentiment == read


def test_a_parse_without_a_sentiment_has_no_such_key():
    assert "sentiment" not in json.loads(msgspec.json.encode(Parse("hello")))
