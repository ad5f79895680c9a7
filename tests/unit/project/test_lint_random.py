"""Whatever a project holds, checking it ends with a verdict."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from bot.project.check import judge
from bot.project.verdict import written
from tests.unit.project.conftest import Write

intents = st.sampled_from(["greet", "bye", "restart", "nlu_fallback", "faq/a", "gone", "EXTERNAL"])
entities = st.sampled_from(["city", "name", "gone"])
slots = st.sampled_from(["city", "vip", "size", "requested_slot", "gone"])
actions = st.sampled_from(
    [
        "utter_a",
        "utter_b",
        "action_c",
        "form",
        "action_listen",
        "action_restart",
        "utter_gone",
        "...",
    ]
)
loops = st.sampled_from(["form", "other_form", None])
values = st.sampled_from([None, True, "small", "", 3, 0.5, ["x"], {"a": 1}])
texts = st.sampled_from(["hi", "hi!", "go to [Rome](city)", "[x", "你好", "👍", "where is it now"])


def mappings(**keys: Any) -> Any:
    return st.fixed_dictionaries({}, optional=keys)


slot_was_set = st.lists(slots | st.dictionaries(slots, values, min_size=1, max_size=2), max_size=2)
said = st.one_of(
    st.fixed_dictionaries(
        {"intent": intents},
        optional={"entities": st.lists(entities | st.dictionaries(entities, values, min_size=1,
                                                                  max_size=1), max_size=2)},
    ),
    st.fixed_dictionaries({"user": texts}),
)  # fmt: skip
step = st.one_of(
    said,
    st.fixed_dictionaries({"action": actions}),
    st.fixed_dictionaries({"active_loop": loops}),
    st.fixed_dictionaries({"slot_was_set": slot_was_set}),
    st.fixed_dictionaries(
        {"checkpoint": st.sampled_from("xy")}, optional={"slot_was_set": slot_was_set}
    ),
    st.fixed_dictionaries({"or": st.lists(said, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"bot": texts}),
)
steps = st.lists(step, max_size=7)
conditions = st.lists(
    st.fixed_dictionaries({"active_loop": loops})
    | st.fixed_dictionaries({"slot_was_set": slot_was_set}),
    max_size=2,
)
rule = st.fixed_dictionaries(
    {"rule": st.sampled_from("rst"), "steps": steps},
    optional={
        "condition": conditions,
        "conversation_start": st.booleans(),
        "wait_for_user_input": st.booleans(),
    },
)
story = st.fixed_dictionaries({"story": st.sampled_from("abc"), "steps": steps})
mapping = st.fixed_dictionaries(
    {"type": st.sampled_from(["from_entity", "from_text", "from_intent", "custom"])},
    optional={
        "entity": entities,
        "intent": intents,
        "not_intent": intents,
        "value": values,
        "conditions": st.lists(mappings(active_loop=loops, requested_slot=slots), max_size=2),
    },
)
slot = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["text", "bool", "categorical", "float", "list", "any"]),
        "mappings": st.lists(mapping, max_size=2),
    },
    optional={"initial_value": values, "influence_conversation": st.booleans()},
)
button = mappings(
    title=texts, payload=st.sampled_from(["/greet", '/gone{"city": 1}', "/x{", "greet"])
)
domain = st.fixed_dictionaries(
    {"intents": st.just(["greet", {"bye": {"use_entities": []}}, "faq"])},
    optional={
        "entities": st.just(["city", {"name": {"influence_conversation": False}}]),
        "slots": st.dictionaries(slots, slot, max_size=4),
        "forms": st.dictionaries(
            st.just("form"), mappings(required_slots=st.lists(slots), ignored_intents=intents)
        ),
        "responses": st.dictionaries(
            st.sampled_from(["utter_a", "utter_b", "utter_faq/a"]),
            st.lists(mappings(text=texts, buttons=st.lists(button, max_size=2)), max_size=2),
        ),
        "actions": st.lists(st.sampled_from(["action_c", "validate_form", "utter_b"]), unique=True),
    },
)
nlu = st.lists(
    st.builds(
        lambda intent, examples: {
            "intent": intent,
            "examples": "\n".join(f"- {e}" for e in examples),
        },
        intents,
        st.lists(texts, min_size=1),
    ),
    max_size=4,
)
policy = st.fixed_dictionaries(
    {"name": st.sampled_from(["RulePolicy", "MemoizationPolicy", "TEDPolicy", "my.Own"])},
    optional={
        "max_history": st.sampled_from([None, 0, 1, 2, "many"]),
        "core_fallback_action_name": actions | values,
        "check_for_contradictions": st.booleans(),
    },
)


@settings(max_examples=200)
@given(
    domain=domain,
    data=mappings(
        nlu=nlu,
        stories=st.lists(story, max_size=4),
        rules=st.lists(rule, max_size=4),
    ),
    config=mappings(policies=st.lists(policy, max_size=3)),
)
@pytest.mark.parametrize("max_history", [None, 2])
def test_a_random_project_is_judged(
    write: Write, domain: Any, data: Any, config: Any, max_history: int | None
) -> None:
    folder = write(dumped(domain), **{"data/all.yml": dumped(data), "config.yml": dumped(config)})
    verdict = judge(folder, environ={}, max_history=max_history)
    assert verdict.is_read
    assert all(p.message and (p.file or p.code) and p.line != 0 for p in verdict.problems)
    for form in ("text", "json", "github"):
        assert written(verdict, form)


def dumped(value: Any) -> str:
    text = StringIO()
    YAML(typ="safe", pure=True).dump(value, text)
    return text.getvalue()
