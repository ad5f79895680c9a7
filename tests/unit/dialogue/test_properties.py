"""What holds for every project and every conversation, however strange."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.actions.base import ActionAnswer
from bot.dialogue.domain import Domain
from bot.dialogue.events import ActionExecuted, Event, UserUttered
from bot.dialogue.messages import Message
from bot.dialogue.tracker import Tracker
from bot.errors import ActionFailed, ActionRejected
from bot.project.project import Project
from bot.testing.services import HandClock, ScriptedNlu, memory_services
from bot.turn import Done, take_turn
from tests.unit.dialogue.projects import domains, events, messages, projects

MOST = 10
SEVERAL = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
LOOKS_BACK = {"events", "applied", "latest_input_channel"}  # to before the latest session


class Actions:
    """Answers with the events it was given, one call after another; then refuses and fails."""

    def __init__(self, answers: list[Event | None]) -> None:
        self._answers = answers

    async def run(
        self, action: str, tracker: Tracker, domain: Domain, *, call_id: str
    ) -> ActionAnswer:
        if not self._answers:
            raise ActionFailed("nothing left to answer")
        event = self._answers.pop()
        if event is None:
            raise ActionRejected("declined")
        return ActionAnswer((event,), ({"response": "utter_a"}, {"text": "and more"}))


@SEVERAL
@given(domains(), st.lists(events, max_size=40), st.integers(0, 40))
def test_a_tracker_goes_on_from_the_log_as_it_would_have_gone_on(
    domain: Domain, told: list[Event], cut: int
):
    live = Tracker.start("a", domain)
    for event in told[:cut]:
        live = live.apply(event)
    again = Tracker.replay("a", domain, live.events, seq=live.seq)
    for event in told[cut:]:
        live, again = live.apply(event), again.apply(event)
    for name in Tracker.__struct_fields__:
        if name not in LOOKS_BACK:
            assert getattr(again, name) == getattr(live, name), name


@SEVERAL
@given(projects(), st.lists(events, max_size=30))
def test_policies_have_an_answer_to_every_conversation(project: Project, told: list[Event]):
    parley = memory_services(project, ScriptedNlu({}), Actions([]))
    tracker = Tracker.start("a", project.domain).apply_all(told)
    for policy in parley.bot.policies:
        prediction = policy.predict(tracker, project.domain)
        assert 0.0 <= prediction.confidence <= 1.0
        assert prediction.action


@SEVERAL
@given(
    projects(),
    st.lists(messages(), min_size=1, max_size=6),
    st.lists(st.one_of(st.none(), events), max_size=30),
)
async def test_every_turn_comes_to_an_end_and_the_bot_listens_or_is_paused(
    project: Project, said: list[UserUttered], answers: list[Event | None]
):
    clock = HandClock()
    heard = {f"text {number}": each.parse_data for number, each in enumerate(said)}
    nlu = ScriptedNlu({text: parse for text, parse in heard.items() if parse is not None})
    parley = memory_services(project, nlu, Actions(answers), clock=clock)
    for text in heard:
        clock.advance(1)
        await parley.log.accept(Message("a", text))
        waiting = await parley.log.waiting("a")
        assert waiting is not None
        _comes_to_an_end(await take_turn(waiting, parley))


def _comes_to_an_end(done: Done) -> None:
    assert done.actions <= MOST
    if not done.tracker.paused:
        last = next(e for e in reversed(done.events) if isinstance(e, ActionExecuted))
        assert last.name == "action_listen"
