from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from bot.dialogue.domain import Condition, Domain, Form, Mapping, Slot, Variation
from bot.dialogue.stories import (
    ActionStep,
    CheckpointStep,
    LoopStep,
    OrStep,
    Step,
    Story,
    UserStep,
)
from bot.errors import ProjectError
from bot.project.project import Config, Example, ExampleEntity, NluData, Project
from nlu.parse import Context
from training.context import ContextDraw, alone, first_context, with_contexts

DOMAIN = Domain(
    responses={
        "utter_hello": (Variation(text="Hello {first_name}!"), Variation(image="a.png")),
        "utter_anything_else": (Variation(text="Anything else?"), Variation(text="More?")),
        "utter_ask_size": (Variation(text="Which size?"),),
        "utter_ask_order_form_colour": (Variation(text="Which colour?"),),
        "utter_ask_colour": (Variation(text="not asked by this form"),),
    },
    forms={"order_form": Form("order_form", ("size", "colour", "gift"))},
    slots={
        "size": Slot("size", mappings=(Mapping("from_entity", entity="size"),)),
        "colour": Slot(
            "colour",
            mappings=(Mapping("from_entity", entity="colour", role="of", intent=("say",)),),
        ),
        "gift": Slot(
            "gift",
            mappings=(
                Mapping("from_intent", intent=("yes",), value=True),
                Mapping(
                    "from_text", intent=("tell",), conditions=(Condition("order_form", "size"),)
                ),
            ),
        ),
    },
)
SIZE = Context("Which size?", "size")
COLOUR = Context("Which colour?", "colour")
GIFT = Context(None, "gift")


CHATTER = Story(
    "small talk",
    tuple(
        step
        for number in range(60)
        for step in (ActionStep(bot_text=f"So {number}."), UserStep(intent="chat"))
    ),
)


def project(
    *examples: Example, stories: tuple[Story, ...] = (), domain: Domain = DOMAIN
) -> Project:
    return Project("", domain, NluData(examples=examples), (*stories, CHATTER), Config())


def story(*steps: Step, **facts: Any) -> Story:
    return Story("told", steps, **facts)


def said(name: str) -> ActionStep:
    return ActionStep(name=name)


def user(intent: str) -> UserStep:
    return UserStep(intent=intent)


def contexts(found: Project) -> list[set[Context]]:
    """Those of each example that do not depend on the seed."""
    drawn = [[set(e.contexts) for e in with_contexts(found, seed)] for seed in range(6)]
    return [set.intersection(*same) for same in zip(*drawn, strict=True)]


def test_an_intent_follows_what_the_bot_says_before_it_in_a_story():
    told = (
        story(
            user("hi"), said("utter_hello"), user("ask"), said("utter_anything_else"), user("no")
        ),
        story(user("hi"), said("utter_hello"), said("action_look"), user("no"), is_rule=True),
    )
    found = contexts(project(*(Example("x", name) for name in ("ask", "no")), stories=told))
    hello = Context("Hello first name!")
    more = {Context(text, earlier=("x",)) for text in ("Anything else?", "More?")}
    assert found == [{hello}, {hello, *more}]


def test_the_turn_before_is_an_example_of_its_intent():
    told = (story(user("hi"), said("utter_hello"), user("ask")),)
    found = with_contexts(project(Example("hey", "hi"), Example("x", "ask"), stories=told), 0)
    assert found[1].contexts[0] == Context("Hello first name!", None, ("hey",))


def test_answers_of_a_retrieval_intent_follow_as_the_intent_does():
    told = (story(said("utter_hello"), user("faq")),)
    assert contexts(project(Example("x", "faq/price"), stories=told)) == [
        {Context("Hello first name!")}
    ]


def test_what_a_bot_says_word_by_word_counts_and_so_does_each_choice():
    told = (story(ActionStep(bot_text="Sure?"), OrStep((user("yes"), user("sure")))),)
    found = project(Example("x", "sure"), stories=told, domain=Domain())
    assert contexts(found) == [{Context("Sure?")}]


def test_words_that_a_story_shares_with_an_example_stand_for_its_intent():
    told = (
        story(
            ActionStep(bot_text="Sure?"),
            UserStep(text="go ahead"),
            ActionStep(bot_text="Done."),
            UserStep(text="words of no example"),
        ),
    )
    examples = (Example("go ahead", "yes"), Example("aye", "yes"), Example("x", "no"))
    found = contexts(project(*examples, stories=told, domain=Domain()))
    assert found == [{Context("Sure?")}, {Context("Sure?")}, set()]


def test_a_checkpoint_carries_on_what_was_said_before_it():
    told = (
        story(CheckpointStep("two"), user("no")),
        story(CheckpointStep("one"), said("action_look"), CheckpointStep("two")),
        story(user("hi"), said("utter_hello"), CheckpointStep("one")),
        story(CheckpointStep("two"), CheckpointStep("one")),  # round in a circle
    )
    assert contexts(project(Example("x", "no"), stories=told)) == [{Context("Hello first name!")}]


def test_what_interrupts_a_form_follows_any_of_its_questions():
    told = (
        story(user("buy"), said("order_form"), LoopStep("order_form"), user("help")),
        story(user("stop"), condition=(LoopStep("order_form"),), is_rule=True),
    )
    found = contexts(project(Example("x", "help"), Example("x", "stop"), stories=told))
    assert found == [{SIZE, COLOUR, GIFT}] * 2


def test_a_question_of_a_form_is_followed_by_what_may_fill_its_slot():
    size = ExampleEntity(0, 1, "size", "x")
    found = contexts(
        project(
            Example("x", "say", (size,)),
            Example("x", "say", (ExampleEntity(0, 1, "colour", "x", role="of"),)),
            Example("x", "ask", (ExampleEntity(0, 1, "colour", "x", role="of"),)),
            Example("x", "say", (ExampleEntity(0, 1, "colour", "x"),)),
            Example("x", "yes"),
            Example("x", "tell"),
        )
    )
    # A mapping that counts only while another slot is asked for leads to no question.
    assert [SIZE in each for each in found] == [True, False, False, False, False, False]
    assert [COLOUR in each for each in found] == [False, True, False, False, False, False]
    assert [GIFT in each for each in found] == [False, False, False, False, True, False]


def test_some_other_contexts_are_mixed_in():
    own = Example("x", "say", (ExampleEntity(0, 1, "size", "x"),))
    asked, anywhere = with_contexts(project(own, Example("x", "greet")), 0)
    assert asked.contexts[0] == SIZE
    assert len(asked.contexts) == 2
    assert len(set(anywhere.contexts)) == 4


def test_metadata_tell_the_contexts_of_an_example():
    metadata = {"context": [{"bot": "And you?", "earlier": ["hi"]}, {"requested_slot": "size"}]}
    [found] = with_contexts(project(Example("x", "say", metadata=metadata)), 0)
    assert found.contexts == (Context("And you?", None, ("hi",)), Context(None, "size"))


@pytest.mark.parametrize("stated", ["hello", {"bott": "hello"}, {"bot": 3}, None])
def test_metadata_that_tell_no_context_are_refused_with_their_place(stated: object):
    told = Example("x", "say", metadata={"context": stated}, file="data/nlu.yml", line=7)
    with pytest.raises(ProjectError, match=r"metadata of 'x'.*") as refusal:
        with_contexts(project(told), 0)
    assert (refusal.value.file, refusal.value.line) == ("data/nlu.yml", 7)


def test_some_examples_are_read_without_their_context():
    draw = ContextDraw(0.3, random.Random(0))
    example = Example("x", "say", contexts=(SIZE, COLOUR))
    drawn = [draw(example).contexts for _ in range(600)]
    assert drawn.count(()) == pytest.approx(180, abs=40)
    assert drawn.count((SIZE,)) == pytest.approx(210, abs=40)
    assert drawn.count((COLOUR,)) == pytest.approx(210, abs=40)


def test_without_contexts_nothing_is_drawn():
    rng = random.Random(0)
    before = rng.getstate()
    assert ContextDraw(1.0, rng)(Example("x", "say")) == Example("x", "say")
    assert rng.getstate() == before


def test_an_example_stands_in_its_first_context_or_alone():
    example = Example("x", "say", contexts=(SIZE, COLOUR))
    assert first_context(example) == SIZE
    assert first_context(*alone([example])) == Context()


def test_the_same_seed_gives_the_same_contexts():
    examples = [Example(str(i), "greet") for i in range(5)]
    once, again = (with_contexts(project(*examples), 3) for _ in range(2))
    assert once == again
    assert [msgspec.structs.replace(e, contexts=()) for e in once] == examples
