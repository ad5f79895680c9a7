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
        recorded=(Place("rules", "circuit_breaker", parts=("events", "state")),),
    ),
    Deliberate(
        "an action that is always undone",
        rasa="it is run for ever, and the request hangs",
        parley="ten times, then the turn ends listening",
        test="tests/unit/dialogue/test_turn.py"
        "::test_an_action_that_is_always_undone_does_not_keep_the_turn_going",
    ),
    Deliberate(
        "a fallback of one's own",
        rasa="one that takes no message back is done ten times, and then the conversation is mute",
        parley="it is done once, then the bot listens",
        test="tests/unit/dialogue/test_alive.py"
        "::test_a_fallback_of_ones_own_that_takes_nothing_back_is_said_once",
        recorded=(Place("auto-test-custom-action-extract", EVERY, parts=("flow", "last")),),
    ),
    Deliberate(
        "a session start of one's own",
        rasa="one that forgets to listen loses the first message to the fallback",
        parley="the bot listens all the same",
        test="tests/unit/dialogue/test_alive.py"
        "::test_a_session_start_that_forgets_to_listen_does_not_cost_the_first_message",
    ),
    Deliberate(
        "messages that an action makes up",
        rasa="without a listen before it such a message leaves the conversation mute",
        parley="the bot listens before it, and it is answered",
        test="tests/unit/dialogue/test_alive.py"
        "::test_a_message_that_an_action_makes_up_is_answered_without_a_listen_before_it",
    ),
    Deliberate(
        "a pause set by an action",
        rasa="not even /restart ends it",
        parley="/restart ends it",
        test="tests/unit/dialogue/test_alive.py"
        "::test_a_conversation_that_an_action_paused_is_woken_by_a_restart",
    ),
    Deliberate(
        "failed validation",
        rasa="a form whose validation cannot be reached ends as if it were filled",
        parley="the message is taken back, the user is told, the question stays open",
        test="tests/unit/dialogue/test_turn.py::test_a_form_whose_validation_fails_keeps_its_question",
    ),
    Deliberate(
        "failed actions",
        rasa="an action that fails says nothing",
        parley="the user is told, and the log has the reason",
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
        "reminders after a silence",
        rasa="a reminder that is due after the session has expired is never said",
        parley="it is said, in a session of its own",
        test="tests/transcripts/test_reminders.py::test_a_reminder_overdue_for_days_is_still_said",
    ),
    Deliberate(
        "reminders that last",
        rasa="reminders are lost when the server stops",
        parley="they are kept in the log; those overdue are said after the next start",
        test="tests/live/test_workers.py::"
        "test_overdue_reminders_are_said_once_after_a_start_whoever_rings",
    ),
    Deliberate(
        "its own name",
        rasa="says that it is Rasa, and which version",
        parley="says that it is Parley, and which version",
        test="tests/unit/api/test_api.py::test_the_root_greets_what_is_no_browser",
        recorded=(
            Place("http_api", "meta", (0,), ("text",)),
            Place("http_api", "meta", (1,), ("json",)),
            Place("http_auth", "auth", (0,), ("text",)),
            Place("http_auth", "auth", (1,), ("json",)),
        ),
    ),
    Deliberate(
        "one shape of errors",
        rasa="a path that is not there, or a body that is no JSON, is answered in plain text",
        parley="answers with the same JSON object as every error",
        test="tests/unit/api/test_problems.py::test_every_error_is_the_same_object",
        recorded=(
            Place("http_api", "meta", (7,), ("content_type", "text")),
            Place("http_api", "rest_bad_bodies", (2,), ("content_type", "text")),
        ),
    ),
    Deliberate(
        "nothing to parse",
        rasa="/model/parse without a text is its own error, 500",
        parley="it is the caller's, 400",
        test="tests/unit/api/test_api.py::test_no_text_is_a_bad_request",
        recorded=(Place("http_api", "parse", (6,), ("status", "json")),),
    ),
    Deliberate(
        "an unknown action",
        rasa="/execute of an action that the domain does not know is its own error, 500",
        parley="it is not found, 404",
        test="tests/unit/api/test_steps.py::test_an_unknown_action_is_not_found",
        recorded=(Place("http_api", "messages_predict_execute", (6,), ("status", "json")),),
    ),
    Deliberate(
        "looking changes nothing",
        rasa="with its store in memory, GET tracker makes a conversation that was not there",
        parley="nothing is logged: its story is still not found",
        test="tests/unit/api/test_conversations.py::test_looking_at_a_conversation_does_not_log_it",
        recorded=(Place("http_api", "tracker_new", (3,), ("status", "content_type", "text")),),
    ),
    Deliberate(
        "earlier sessions",
        rasa="its store in memory forgets earlier sessions",
        parley="include_events=ALL and all_sessions=true show them",
        test="tests/unit/api/test_conversations.py::test_all_shows_earlier_sessions_too",
        recorded=(
            Place("http_api", "tracker_views", (7,), ("json",)),
            Place("http_api", "tracker_views", (11,), ("text",)),
        ),
    ),
    Deliberate(
        "events stay where they were put",
        rasa="with SQL, events dated before the session start, or posted first, are lost",
        parley="events count in the order in which they were logged",
        test="tests/unit/api/test_conversations.py::test_an_event_dated_in_the_past_counts",
        recorded=(
            Place("http_api_sqlite", "append_events", (1, 4, 6, 8)),
            Place("http_api_sqlite", "append_old_timestamp", (2,)),
        ),
    ),
    Deliberate(
        "replaced events",
        rasa="with SQL, a PUT of fewer events than are stored changes nothing",
        parley="the events are replaced",
        test="tests/unit/api/test_conversations.py::test_replaced_events_are_all_there_is",
        recorded=(Place("http_api_sqlite", "replace_events", (1, 2)),),
    ),
    Deliberate(
        "custom maps on socketio",
        rasa="a custom map without the key `data` breaks the turn, which is lost unsaved",
        parley="such a map is emitted whole",
        test="tests/unit/channels/test_socketio.py::test_a_reply_is_emitted_as_rasa_emits_it",
    ),
    Deliberate(
        "replies nobody was there to take",
        rasa="what socketio emits to a session nobody is connected to is lost",
        parley="it is told to the page that asks for the session next",
        test="tests/live/test_socketio.py::test_a_reply_nobody_was_there_to_take_is_told_to_who_comes_back",
    ),
    Deliberate(
        "time for an action",
        rasa="waits five minutes for an action server",
        parley="waits a minute, or `timeout_s` of the endpoint, and then tells the user",
        test="tests/live/test_actions.py::test_an_action_that_takes_too_long_is_given_up",
    ),
    Deliberate(
        "regex characters in keywords",
        rasa="KeywordIntentClassifier fails on examples like `what (` or `c++`",
        parley="they are letters like others",
        test="tests/unit/nlu/test_keywords.py::test_regex_characters_in_an_example_are_letters",
    ),
    Deliberate(
        "a form that asks for more than the domain lists",
        rasa="training refuses it without --skip-validation",
        parley="it is trained; `parley check` has a note",
        test="tests/unit/project/test_lint_names.py"
        "::test_a_mapping_that_waits_for_a_form_which_does_not_ask_is_named",
    ),
    Deliberate(
        "training with a domain that cannot be read",
        rasa="`rasa train core` exits with 0 and leaves no model",
        parley="`parley train core` exits with 1, and says where",
        test="tests/unit/training/test_policy_cli.py"
        "::test_a_domain_that_cannot_be_read_is_an_error_to_whoever_calls",
    ),
)
