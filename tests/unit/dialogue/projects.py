"""Random small projects, events and messages, for tests of what always holds."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from bot.dialogue import events as e
from bot.dialogue.domain import (
    Condition,
    Domain,
    EntitySpec,
    Form,
    IntentSpec,
    Mapping,
    SessionConfig,
    Slot,
    Variation,
)
from bot.dialogue.stories import ActionStep, LoopStep, SlotStep, Story, UserStep
from bot.project.project import Component, Config, NluData, Project
from nlu.parse import Entity, Intent, Parse

INTENTS = ("greet", "ask", "book")
ENTITIES = ("city", "size")
SLOTS = ("city", "size", "agreed")
FORMS = ("form_a", "form_b")
SAYS = ("utter_a", "utter_b", "utter_ask_city")
OWN = ("action_own", "validate_form_a", "action_ask_size")
ACTIONS = (*SAYS, *OWN, *FORMS, "action_listen", "action_restart", "action_back")
VALUES: tuple[Any, ...] = (None, "", "Rome", 3, True, ["a"], "other")

names = st.sampled_from
values = names(VALUES)


@st.composite
def mappings(draw: st.DrawFn) -> Mapping:
    kind = draw(names(("from_entity", "from_intent", "from_text", "from_trigger_intent")))
    loop = draw(names((None, *FORMS)))
    return Mapping(
        kind,
        entity=draw(names(ENTITIES)),
        intent=draw(names(((), ("ask",), ("book",)))),
        value=draw(values),
        conditions=(Condition(active_loop=loop),) if draw(st.booleans()) else (),
    )


@st.composite
def domains(draw: st.DrawFn) -> Domain:
    types = names(("text", "bool", "categorical", "float", "list", "any"))
    slots = {
        name: Slot(
            name,
            draw(types),
            mappings=tuple(draw(st.lists(mappings(), max_size=2))),
            initial_value=draw(names((None, "Rome"))),
            values=("Rome", "Oslo"),
        )
        for name in SLOTS
    }
    required = st.lists(names(SLOTS), max_size=3, unique=True)
    asked = Slot("requested_slot", "text", influence_conversation=False)
    return Domain(
        intents={name: IntentSpec(name) for name in INTENTS},
        entities={name: EntitySpec(name) for name in ENTITIES},
        slots={**slots, "requested_slot": asked},
        responses={name: (Variation(text=f"{name} {{city}}"),) for name in SAYS},
        forms={name: Form(name, tuple(draw(required))) for name in FORMS},
        actions=tuple(draw(st.lists(names(OWN), unique=True))),
        session=SessionConfig(carry_over_slots=draw(st.booleans())),
    )


steps = st.one_of(
    st.builds(UserStep, intent=names(INTENTS)),
    st.builds(ActionStep, name=names(ACTIONS)),
    st.builds(SlotStep, name=names(SLOTS), value=values),
    st.builds(LoopStep, name=names((None, *FORMS))),
)


@st.composite
def stories(draw: st.DrawFn, *, rule: bool) -> Story:
    body = (UserStep(draw(names(INTENTS))), *draw(st.lists(steps, min_size=1, max_size=5)))
    waits = draw(st.booleans()) if rule else True
    return Story("told", body, is_rule=rule, wait_for_user_input=waits)


@st.composite
def projects(draw: st.DrawFn) -> Project:
    told = draw(st.lists(stories(rule=True), max_size=4))
    told += draw(st.lists(stories(rule=False), max_size=3))
    memory = draw(names(("MemoizationPolicy", "AugmentedMemoizationPolicy")))
    history = {"max_history": draw(names((None, 1, 3)))}
    return Project(
        path=".",
        domain=draw(domains()),
        nlu=NluData(),
        stories=tuple(told),
        config=Config(policies=(Component("RulePolicy", {}), Component(memory, history))),
        credentials={},
    )


@st.composite
def messages(draw: st.DrawFn) -> e.UserUttered:
    intent = draw(names((None, *INTENTS, "restart", "back", "nlu_fallback")))
    found = draw(st.lists(names(ENTITIES), max_size=2))
    entities = tuple(Entity(name, draw(values), 0, 1) for name in found)
    text = draw(names(("", "words", "/ask")))
    return e.UserUttered(text=text, parse_data=Parse(text, Intent(intent, 0.8), entities))


events: st.SearchStrategy[e.Event] = st.one_of(
    messages(),
    st.builds(e.ActionExecuted, name=names(ACTIONS), hide_rule_turn=st.booleans()),
    st.builds(e.ActionExecuted, name=st.just("action_listen")),
    st.builds(e.SlotSet, name=names((*SLOTS, "unknown", "requested_slot")), value=values),
    st.builds(e.ActiveLoop, name=names((None, *FORMS))),
    st.builds(e.LegacyForm, name=names((None, *FORMS))),
    st.builds(e.LegacyFormValidation, validate=st.booleans()),
    st.builds(e.LoopInterrupted, is_interrupted=st.booleans()),
    st.builds(e.ActionExecutionRejected, name=names(ACTIONS)),
    st.builds(e.UserFeaturization, use_text_for_featurization=names((None, True, False))),
    st.builds(e.FollowupAction, name=names((None, "nobody_knows", *ACTIONS))),
    st.builds(e.BotUttered, text=st.just("hi")),
    st.builds(e.AgentUttered, text=st.just("a person")),
    *map(
        st.builds,
        (
            e.UserUtteranceReverted,
            e.ActionReverted,
            e.Restarted,
            e.AllSlotsReset,
            e.ConversationPaused,
            e.ConversationResumed,
            e.SessionStarted,
            e.SessionEnded,
            e.StoryExported,
            e.EntitiesAdded,
        ),
    ),
)
