"""Where Parley answers otherwise than Rasa 3.6 on purpose: the one list.

A difference is here with its reason and the test that proves what Parley does instead, or it is a
mistake. ``recorded`` names the places in the golden recordings where it shows.
"""

from __future__ import annotations

from dataclasses import dataclass

EVERY = "*"


@dataclass(frozen=True, slots=True)
class Place:
    """Part of a recording; no steps or parts: any of them."""

    recording: str
    conversation: str
    steps: tuple[int, ...] = ()
    parts: tuple[str, ...] = ()

    def covers(self, recording: str, conversation: str, step: int, part: str) -> bool:
        """Whether that step's part is meant."""
        return (
            recording == self.recording
            and self.conversation in (EVERY, conversation)
            and (not self.steps or step in self.steps)
            and (not self.parts or part in self.parts)
        )


@dataclass(frozen=True, slots=True)
class Deliberate:
    """What Rasa does, what Parley does instead, and the test of it (``file::name``)."""

    name: str
    rasa: str
    parley: str
    test: str
    recorded: tuple[Place, ...] = ()


DELIBERATE = (
    Deliberate(
        "circuit breaker",
        rasa="after ten actions in a turn it falls silent, for the rest of the session",
        parley="the turn ends listening, and the next message is answered",
        test="tests/unit/dialogue/test_turn.py::test_a_bot_that_never_listens_is_made_to",
        recorded=(
            Place("rules", "circuit_breaker", parts=("events", "state")),
            Place("auto-test-custom-action-extract", EVERY, parts=("last",)),
        ),
    ),
    Deliberate(
        "failed actions",
        rasa="an action that fails says nothing; a form that cannot be validated ends as if filled",
        parley="the user is told, the log has the reason, and a form keeps its question open",
        test="tests/unit/dialogue/test_turn.py::test_a_failed_action_is_recorded_and_the_user_is_told",
        recorded=(
            Place("actions_events", "errors", parts=("bot", "events")),
            Place("actions_down", "custom_action", parts=("bot", "events")),
        ),
    ),
    Deliberate(
        "keys of newer action servers",
        rasa="rasa-sdk 3.6 shows an action fewer keys of the tracker than rasa-sdk 3.21",
        parley="sends what Rasa 3.6 sends; the action server adds its own keys",
        test="tests/unit/actions/test_remote.py::test_the_request_is_the_one_a_rasa_sdk_server_reads",
        recorded=(Place("actions_events", "tracker_echo", parts=("bot", "events")),),
    ),
    Deliberate(
        "names of reminders",
        rasa="a reminder's name is the same for all: two users overwrite each other's",
        parley="a name is the conversation's own",
        test="tests/transcripts/test_reminders.py::"
        "test_two_users_with_one_name_of_a_reminder_get_one_each",
    ),
    Deliberate(
        "reminders that last",
        rasa="reminders are lost when the server stops",
        parley="they are kept in the log; those overdue are said after the next start",
        test="tests/live/test_workers.py::"
        "test_overdue_reminders_are_said_once_after_a_start_whoever_rings",
    ),
)
