import pytest

from nlu.fallback import Fallback
from nlu.parse import Intent, Parse


def parse(*confidences):
    ranking = tuple(Intent(f"i{n}", c) for n, c in enumerate(confidences))
    return Parse(text="x", intent=ranking[0], intent_ranking=ranking)


@pytest.mark.parametrize("confidences", [(0.9, 0.05), (0.3, 0.2), (0.3,), (0.6, 0.5)])
def test_a_sure_answer_stays(confidences):
    unchanged = parse(*confidences)
    assert Fallback(0.3, 0.09).decide(unchanged) is unchanged


@pytest.mark.parametrize("confidences", [(0.29, 0.1), (0.5, 0.45)])
def test_an_unsure_answer_is_led_by_the_fallback(confidences):
    unsure = parse(*confidences)
    decided = Fallback(0.3, 0.1).decide(unsure)
    assert decided.intent == Intent("nlu_fallback", 0.3)
    assert decided.intent_ranking == (decided.intent, *unsure.intent_ranking)


def test_no_intent_at_all_is_the_fallback():
    decided = Fallback(0.4).decide(Parse(text="x"))
    assert decided.intent == Intent("nlu_fallback", 0.4)
    assert decided.intent_ranking == (decided.intent,)
