"""Whatever a test file holds, it is read and tried, or refused with a place in it."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.actions.remote import RemoteActions
from bot.errors import ProjectError
from bot.project.load import load_project
from bot.project.story_yaml import write_stories
from bot.testing.services import examples_nlu, memory_services
from bot.testing.stories import run_story
from bot.testing.told import Transcript, load_transcripts

PROJECT = load_project(Path(__file__).parents[2] / "data" / "tablebot")
SERVICES = memory_services(PROJECT, examples_nlu(PROJECT), RemoteActions(None))
KEYS = (
    "user", "intent", "entities", "action", "utter", "bot", "slot_was_set", "active_loop", "or",
    "checkpoint", "metadata", "role", "people",
)  # fmt: skip
WORDS = (
    "greet", "book", "stop", "/book", "faq/hours", "a table for [four](people:4)", "[x]{", "",
    "table_form", "utter_greet", "action_listen", "action_restart", "action_back", "people",
    "action_default_fallback", "utter_faq/hours", "…",
)  # fmt: skip
plain = st.sampled_from(WORDS) | st.none() | st.booleans() | st.integers(-1, 3)
value = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
    ),
    max_leaves=6,
)
told = st.one_of(
    st.fixed_dictionaries({"user": st.sampled_from(WORDS), "intent": st.sampled_from(WORDS)}),
    st.fixed_dictionaries({"action": st.sampled_from(WORDS)}),
    st.fixed_dictionaries({"active_loop": st.sampled_from(["table_form", None])}),
    st.fixed_dictionaries({"slot_was_set": st.lists(st.fixed_dictionaries({"people": plain}))}),
    st.fixed_dictionaries({"checkpoint": st.sampled_from(["one", "two"])}),
    st.dictionaries(st.sampled_from(KEYS), value, max_size=3),
)
story = st.fixed_dictionaries({"story": st.just("s"), "steps": st.lists(told, max_size=6) | value})


def read(file: Path) -> tuple[tuple[Transcript, ...], str]:
    """What the file tells, or why it is refused."""
    try:
        return load_transcripts(file), ""
    except ProjectError as refusal:
        return (), str(refusal)


@settings(max_examples=100, deadline=None)
@given(stories=st.lists(story, max_size=3) | value)
def test_any_file_is_tried_or_refused(stories: Any):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "test_any.yml"
        file.write_text(json.dumps({"stories": stories}), "utf-8")
        transcripts, refused = read(file)
        assert refused == "" or "test_any.yml:" in refused
        for transcript in transcripts[:20]:
            for end_to_end in (True, False):
                outcome = asyncio.run(run_story(transcript, SERVICES, end_to_end=end_to_end))
                assert outcome.passed is not bool(outcome.mistakes)
                write_stories([outcome.written()])
