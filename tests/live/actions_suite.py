"""What a project's actions do, whoever runs them: a suite over one package of actions.

Subclass it, give the ``variables`` of an environment in which `parley run` runs them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bot.act import APOLOGY
from tests.command import Run, running

PROJECT = Path(__file__).with_name("actions_package")


class ActionsSuite:
    """One `parley run` for all of it; each test is a conversation of its own."""

    sessions_end = True  # rasa-sdk 3.6 knows no SessionEnded
    tells_errors = True  # rasa-sdk's handler of errors fails at a compressed request

    variables: ClassVar[dict[str, str]] = {}

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
        home = tmp_path_factory.mktemp("home")
        with running(PROJECT, home, cls.variables, "--nlu", "none") as run:
            yield run

    @pytest.fixture
    def run(self, server: Run, request: pytest.FixtureRequest) -> Conversation:
        return Conversation(server, request.node.name)

    def test_what_an_action_says_is_rendered_in_order(self, run: Conversation) -> None:
        named, told, everything, *rest = run.said("/hello")
        assert named == {"text": f"Hello from {run.sender}."}
        assert told == {
            "text": "Named Ada, told something.",
            "buttons": [{"title": "One", "payload": "/one"}],
        }
        assert everything["text"] == "All of it"
        assert rest == [{"custom": {"card": {"id": 7}}}, {"image": "https://example.org/a.png"}]
        assert run.tracker()["slots"]["name"] == "Ada"

    def test_a_validation_action_fills_slots_of_its_own(self, run: Conversation) -> None:
        assert run.texts("/tell") == ["Shouted /TELL."]

    def test_the_domain_is_there(self, run: Conversation) -> None:
        assert run.texts("/ask_domain") == ["17 actions"]

    def test_a_followup_action_runs_next(self, run: Conversation) -> None:
        assert run.texts("/follow") == ["Followed."]
        assert run.actions() == ["action_follow", "action_followed", "action_listen"]

    def test_a_form_is_validated(self, run: Conversation) -> None:
        assert run.texts("/book") == ["How many people?"]
        assert run.texts('/size{"people": "x"}') == ["A number, please.", "How many people?"]
        assert run.texts('/size{"people": "3"}') == ["Which room?"]
        assert run.texts("the blue room") == ["Booked The Blue Room for 3."]
        assert run.tracker()["active_loop"] == {}

    def test_a_refusal_is_no_failure(self, run: Conversation) -> None:
        assert run.texts("/refuse") == []
        kinds = [event["event"] for event in run.events()]
        assert "action_execution_rejected" in kinds
        assert run.texts("/follow") == ["Followed."]

    @pytest.mark.parametrize(
        ("said", "why"),
        [("/fail", "the stove is off"), ("/absent", "unknown to the"), ("/large", "8388608 bytes")],
    )
    def test_a_failure_is_in_the_log_and_the_user_is_told(
        self, said: str, why: str, run: Conversation
    ) -> None:
        assert run.texts(said) == [APOLOGY]
        action = next(e for e in run.events() if e.get("name") == f"action_{said[1:]}")
        error = action["metadata"]["error"]
        assert why in error or (said == "/fail" and not self.tells_errors)
        assert run.texts("/follow") == ["Followed."]

    def test_every_event_it_returns_happens(self, run: Conversation) -> None:
        run.said("/hello")
        run.said("/everything")
        kinds = [event["event"] for event in run.events()]
        for kind in ("reset_slots", "slot", "reminder", "cancel_reminder", "undo"):
            assert kind in kinds
        (reminder,) = (e for e in run.events() if e["event"] == "reminder")
        assert reminder["date_time"] == "2100-01-01T00:00:00"
        assert reminder["kill_on_user_msg"] is True

    def test_a_stream_is_said_once_it_has_ended(self, run: Conversation) -> None:
        assert [text.strip() for text in run.texts("/stream")] == ["One", "two."]

    def test_what_no_store_can_keep_is_replaced(self, run: Conversation) -> None:
        assert run.texts("/odd") == ["null \ufffd and half a \ufffd pair", "42"]
        assert run.tracker()["slots"]["name"] == "\ufffd"

    def test_an_action_may_end_the_session(self, run: Conversation) -> None:
        assert run.texts("/end") == ["Goodbye."]
        kinds = [event["event"] for event in run.events()]
        assert ("session_ended" in kinds) == self.sessions_end
        run.said("/follow")
        kinds = [event["event"] for event in run.events()]
        assert kinds.count("session_started") == 1 + self.sessions_end

    def test_an_action_that_ends_its_process_ends_nothing_else(self, run: Conversation) -> None:
        assert run.texts("/leave") == [APOLOGY]
        assert run.texts("/follow") == ["Followed."]


class Conversation:
    """A conversation of its own on a shared server."""

    def __init__(self, run: Run, sender: str) -> None:
        self.server, self.sender = run, sender.replace("[", "-").strip("]")

    def said(self, text: str) -> list[dict[str, Any]]:
        """The parts of the answer, without whom it is for."""
        body = {"sender": self.sender, "message": text}
        answer = self.server.client.post("/webhooks/rest/webhook", json=body)
        assert answer.status_code == 200, answer.text
        return [{k: v for k, v in part.items() if k != "recipient_id"} for part in answer.json()]

    def texts(self, text: str) -> list[str]:
        return [part["text"] for part in self.said(text)]

    def tracker(self) -> dict[str, Any]:
        url = f"/conversations/{self.sender}/tracker?include_events=ALL"
        state: dict[str, Any] = self.server.client.get(url).json()
        return state

    def events(self) -> list[dict[str, Any]]:
        return list(self.tracker()["events"])

    def actions(self) -> list[str]:
        """The actions since the user's last message."""
        events = self.events()
        last = max(i for i, event in enumerate(events) if event["event"] == "user")
        return [event["name"] for event in events[last:] if event["event"] == "action"]
