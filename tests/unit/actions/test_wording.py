"""A response server words what the bot says; what it gets wrong costs one response, no more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from bot.actions import wording
from bot.actions.base import ActionAnswer
from bot.actions.builtin import run_action
from bot.actions.stage import Stage
from bot.actions.wording import RemoteWording, open_wording
from bot.dialogue.domain import Domain, Variation
from bot.dialogue.events import BotUttered
from bot.dialogue.tracker import Tracker
from bot.errors import SettingsError
from bot.project.project import Endpoint

DOMAIN = Domain(
    responses={
        "utter_greet": (
            Variation(text="Hi", id="one", channel="collector"),
            Variation(text="Hello", id="two"),
        )
    },
    actions=("action_say",),
)


class Sdk:
    """An action server that says a response with arguments."""

    async def run(
        self, action: str, tracker: Tracker, domain: Domain, *, call_id: str
    ) -> ActionAnswer:
        return ActionAnswer((), ({"response": "utter_greet", "name": "Ada", "buttons": []},))


def stage(answer: Any, channel: str = "rest", *, timeout_s: float = 10.0) -> Stage:
    client = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    words = RemoteWording("http://words.example/nlg", client, timeout_s=timeout_s)
    return Stage(DOMAIN, Sdk(), Random(0), channel, "1", words)


async def said(action: str, stage: Stage) -> list[Any]:
    events = await run_action(action, Tracker.start("ann", DOMAIN), stage)
    return [event.text for event in events if isinstance(event, BotUttered)]


async def test_a_response_is_worded_by_the_server_even_one_that_the_domain_has() -> None:
    words = stage(lambda _: httpx2.Response(200, json={"text": "Servus", "mood": "sunny"}))
    (event,) = await run_action("utter_greet", Tracker.start("ann", DOMAIN), words)
    assert isinstance(event, BotUttered)
    assert event.text == "Servus"
    assert event.metadata == {"mood": "sunny", "utter_action": "utter_greet"}


async def test_a_response_that_the_domain_does_not_have_is_asked_for_too() -> None:
    words = stage(lambda _: httpx2.Response(200, json={"text": "New"}))
    assert await said("utter_unheard_of", words) == ["New"]


@pytest.mark.parametrize(("channel", "variation"), [("collector", "one"), ("rest", "two")])
async def test_it_is_told_which_variation_fits_and_what_an_action_gave(
    channel: str, variation: str
) -> None:
    asked: list[dict[str, Any]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(json.loads(request.content))
        return httpx2.Response(200, json={"text": "Hi Ada"})

    assert await said("action_say", stage(answer, channel)) == ["Hi Ada"]
    (call,) = asked
    assert call["response"] == "utter_greet"
    assert call["id"] == variation
    assert call["arguments"] == {"name": "Ada", "buttons": []}
    assert call["tracker"]["sender_id"] == "ann"
    assert call["channel"] == {"name": channel}


def unreachable(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectTimeout("too late")


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: httpx2.Response(500, json={"text": "x"}),
        lambda _: httpx2.Response(200, content=b"no json"),
        lambda _: httpx2.Response(200, json=["no", "object"]),
        lambda _: httpx2.Response(200, json={"text": "x", "buttons": "Yes"}),
        lambda _: httpx2.Response(200, json={"text": {"de": "x"}}),
        unreachable,
    ],
)
async def test_an_answer_that_is_none_costs_the_response_and_is_an_error_in_the_log(
    answer: Callable[[httpx2.Request], httpx2.Response],
) -> None:
    with capture_logs() as logs:
        assert await said("utter_greet", stage(answer)) == []
    assert logs[0]["event"] == "response_server.failed"
    assert logs[0]["log_level"] == "error"
    assert logs[0]["response"] == "utter_greet"


async def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wording, "MOST_BYTES", 1000)
    with capture_logs() as logs:
        assert (
            await said("utter_greet", stage(lambda _: httpx2.Response(200, text="x" * 1001))) == []
        )
    assert logs[0]["error"] == "it answered more than 1000 bytes"


async def test_a_server_that_is_silent_keeps_nobody_waiting_for_ever() -> None:
    async def silent(request: httpx2.Request) -> httpx2.Response:
        await asyncio.Event().wait()
        raise AssertionError

    with capture_logs() as logs:
        assert await said("utter_greet", stage(silent, timeout_s=0.01)) == []
    assert logs[0]["error"] == "no answer within 0.01 s"


async def test_an_answer_of_null_says_nothing() -> None:
    words = stage(lambda _: httpx2.Response(200, json=None))
    assert await said("utter_greet", words) == []


async def test_without_a_server_the_domain_words_it(tmp_path: Path) -> None:
    async with open_wording(None, tmp_path) as words:
        assert words is None


async def test_a_cafile_that_is_not_there_is_told(tmp_path: Path) -> None:
    endpoint = Endpoint("https://words.example", cafile="none.pem")
    with pytest.raises(SettingsError, match=r"cafile of nlg, .*none\.pem, cannot be read"):
        async with open_wording(endpoint, tmp_path):
            pass
