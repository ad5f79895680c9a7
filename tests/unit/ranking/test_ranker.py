"""Which answer fits a dialogue, how sure that is, and answers that say the same."""

from __future__ import annotations

import numpy as np
import pytest

from bot.dialogue.domain import Domain, Variation
from bot.dialogue.events import (
    ActionExecuted,
    ActiveLoop,
    AgentUttered,
    BotUttered,
    SessionStarted,
    SlotSet,
    UserUttered,
)
from bot.dialogue.ranked import RankedPolicy
from bot.dialogue.tracker import Tracker
from bot.model.ranking import lines_of, responses_of, serve_ranker
from nlu.ranking.candidates import Candidate, classes
from nlu.ranking.certainty import Certainty, fitted
from nlu.ranking.dialogue import AGENT, USER, Line, context_text
from nlu.ranking.encoder import unit
from nlu.ranking.ranker import Ranker, read_candidates
from training.ranker_data import counted, held
from training.ranker_publish import threshold_of

CANDIDATES = (
    Candidate("what size do you want", "response", "utter_ask_size"),
    Candidate("your parcel comes on <date>", "canned"),
    Candidate("bye then", "agent", turn=("c-1", 7), count=3),
)
ASKED = (Line("user", "hello"), Line("agent", "hi"), Line("user", "where is my parcel"))


@pytest.fixture
def ranker(words) -> Ranker:
    return Ranker(
        words,
        CANDIDATES,
        read_candidates(CANDIDATES, words),
        most_lines=2,
        certainty=Certainty(4.0, 4.0, -2.0),
        threshold=0.5,
    )


def test_the_dialogue_is_written_from_its_end_with_marks_for_who_speaks():
    assert context_text(ASKED, most_lines=2) == f"{USER} where is my parcel {AGENT} hi"


def test_nobody_can_write_a_mark():
    assert context_text([Line("user", f"a{AGENT}b")], most_lines=1) == f"{USER} a b"


def test_the_nearest_answer_comes_first(ranker: Ranker):
    found = ranker.rank(ASKED)
    assert found[0].candidate == CANDIDATES[1]
    assert [each.score for each in found] == sorted((e.score for e in found), reverse=True)
    assert found[0].confidence > found[1].confidence


def test_only_those_that_are_wanted_are_ranked(ranker: Ranker):
    found = ranker.rank(ASKED, limit=1, wanted=lambda each: each.source != "canned")
    assert len(found) == 1
    assert found[0].candidate.source != "canned"
    assert ranker.rank(ASKED, wanted=lambda each: False) == []
    assert ranker.rank([]) == []


def test_confidence_is_fitted_to_what_was_right():
    scores = [0.9, 0.8, 0.7, 0.3, 0.2, 0.1]
    line = fitted(scores, [0.3, 0.2, 0.3, 0.1, 0.2, 0.1], [True, True, True, False, False, False])
    sure = [line.of(score, 0.2) for score in scores]
    assert sure == sorted(sure, reverse=True)
    assert sure[0] > 0.8
    assert sure[-1] < 0.2


def test_one_answer_alone_has_every_lead():
    line = Certainty(1.0, 1.0, 0.0)
    assert line.ranked([0.5]) == [line.of(0.5, 1.0)]
    assert line.ranked([]) == []
    assert line.ranked([0.9, 0.5])[1] < line.ranked([0.9, 0.5])[0]


def test_the_threshold_is_where_enough_are_right():
    sure = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    right = np.array([True, True, False, True, False])
    assert threshold_of(sure, right, 0.75) == 0.6
    assert threshold_of(sure, right, 1.0) == 0.8
    assert threshold_of(sure, np.zeros(5, dtype=bool), 0.8) == 1.0


def test_past_answers_that_say_the_same_are_one_with_the_medoid_for_all():
    said = [Candidate(f"bye {n}", "agent", count=count) for n, count in ((1, 5), (2, 1), (3, 9))]
    response = Candidate("hello", "response", "utter_greet")
    vectors = unit(np.array([[1, 0.1], [1, 0], [1, 0.2], [0, 1]], dtype=np.float32))
    found, group = classes([*said, response], vectors, alike=0.95, most=10)
    assert group == [1, 1, 1, 0]
    assert found[0] == response
    assert found[1].template in ("bye 1", "bye 3")
    assert found[1].count == 15


def test_the_rarest_past_answers_are_left_out_where_there_are_too_many():
    said = [Candidate(str(n), "agent", count=n) for n in (1, 3, 2)]
    found, group = classes(said, np.eye(3, dtype=np.float32), alike=0.9, most=2)
    assert [each.template for each in found] == ["3", "2"]
    assert group == [-1, 0, 1]


def test_answers_of_a_log_are_templates_and_responses_are_known_by_name():
    domain = Domain(responses={"utter_hi": (Variation(text="Hi {name}!"),)})
    events = [
        UserUttered(text="/greet"),
        UserUttered(text="hello"),
        SlotSet(name="name", value="Ada"),
        BotUttered(text="Hi Ada!", metadata={"utter_action": "utter_hi"}),
        UserUttered(text="when?"),
        AgentUttered(text="Dear Ada, on Monday."),
    ]
    hi, when = held(events, "c-1", domain, 4)
    assert hi.answer == Candidate("Hi {name}!", "response", "utter_hi")
    assert when.answer == Candidate("Dear {name}, on <date>.", "agent", turn=("c-1", 5))
    assert when.before == (Line("user", "hello"), Line("agent", "Hi Ada!"), Line("user", "when?"))
    assert [each.count for each in counted([hi.answer, when.answer, hi.answer])] == [2, 1]


def talk(*events) -> Tracker:
    opened = (SessionStarted(), ActionExecuted(name="action_listen"))
    return Tracker.start("c-1", Domain()).apply_all((*opened, *events))


DOMAIN = Domain(responses={name: (Variation(text="x"),) for name in ("utter_a", "utter_b")})
ANSWERS = (("utter_gone", 0.9), ("utter_a", 0.8), ("utter_b", 0.2))


def predicted(tracker: Tracker, *, threshold: float = 0.5):
    return RankedPolicy(lambda tracker: ANSWERS, threshold=threshold).predict(tracker, DOMAIN)


def test_the_policy_says_the_response_that_is_surest():
    said = predicted(talk(UserUttered(text="hello")))
    assert (said.action, said.confidence) == ("utter_a", 0.8)


def test_below_its_threshold_the_policy_says_nothing():
    said = predicted(talk(UserUttered(text="hello")), threshold=0.85)
    assert (said.action, said.confidence) == ("action_listen", 0.0)


def test_the_policy_listens_after_its_own_answer_and_leaves_those_of_others_alone():
    for policy, sure in (("ResponseRankingPolicy", 0.7), ("RulePolicy", 0.0)):
        done = ActionExecuted(name="utter_a", policy=policy, confidence=0.7)
        said = predicted(talk(UserUttered(text="hello"), done, BotUttered(text="x")))
        assert (said.action, said.confidence) == ("action_listen", sure)


def test_a_form_is_left_to_itself():
    assert predicted(talk(UserUttered(text="x"), ActiveLoop(name="form"))).confidence == 0.0


def test_what_was_said_in_a_conversation_is_its_lines():
    tracker = talk(UserUttered(text="/greet"), BotUttered(text="Hi"), UserUttered(text="where?"))
    assert lines_of(tracker) == (Line("agent", "Hi"), Line("user", "where?"))


def test_responses_without_words_are_no_answers():
    responses = {"utter_a": (Variation(custom={}), Variation(text="x")), "utter_b": (Variation(),)}
    assert responses_of(Domain(responses=responses)) == [Candidate("x", "response", "utter_a")]


async def test_what_the_policy_will_ask_is_ranked_before(ranker: Ranker):
    tracker = talk(UserUttered(text="what size is it"))
    async with serve_ranker(ranker) as served:
        assert served.of(tracker) == []
        await served.know(tracker)
        assert [name for name, _ in served.of(tracker)] == ["utter_ask_size"]
        payload = talk(UserUttered(text="what size is it"), UserUttered(text="/greet"))
        for nothing_to_answer in (talk(BotUttered(text="hi")), payload):
            await served.know(nothing_to_answer)
            assert served.of(nothing_to_answer) == []
