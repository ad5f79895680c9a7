from __future__ import annotations

import msgspec
import numpy as np
import pytest

from bot.errors import SettingsError
from bot.project.project import ExampleEntity
from nlu.parse import Entity
from training.gate.decide import Trial, decide
from training.gate.evidence import Answer, Asked, Evidence
from training.gate.page import page
from training.gate.pool import sorted_out
from training.gate.recipe import load_gate_recipe
from training.gate.verdict import GateReport, Labels

RECIPE = load_gate_recipe()


def asked(count: int, intents: int = 4) -> list[Asked]:
    return [Asked(str(at), f"text {at}", f"intent_{at % intents}") for at in range(count)]


def answers(sentences: list[Asked], *wrong: int, ms: float = 1.0) -> list[Answer]:
    return [
        Answer("other" if at in wrong else each.intent or "", 0.95, (), ms)
        for at, each in enumerate(sentences)
    ]


def gate(sentences: list[Asked], before: list[Answer], after: list[Answer], **more: object):
    return decide(Trial("old", "new", Evidence(sentences, before, after), **more), RECIPE)


def test_a_candidate_that_answers_all_alike_passes():
    said = answers(sentences := asked(1000), 3, 5)
    report = gate(sentences, said, said)
    assert report.verdict == "pass"
    assert report.check("intents").says.startswith("0 gained, 0 lost of 1000")


def test_a_candidate_that_lost_three_points_fails():
    sentences = asked(1000)
    report = gate(sentences, answers(sentences), answers(sentences, *range(0, 120, 4)))
    assert report.verdict == "fail"
    assert report.check("intents").verdict == "fail"
    assert report.check("per intent").numbers["worse"] == ["intent_0"]
    assert report.by_intent[0].lost == 30
    assert [each.candidate for each in report.differences[:2]] == ["other", "other"]


def test_few_sentences_decide_nothing():
    said = answers(sentences := asked(20))
    report = gate(sentences, said, said)
    assert (report.verdict, report.check("intents").verdict) == ("open", "open")
    assert "too few" in report.check("intents").says


def test_a_small_set_is_judged_by_a_wider_margin_that_the_report_states():
    said = answers(sentences := asked(200))
    report = gate(sentences, said, answers(sentences, 0))
    assert report.check("intents").numbers["margin"] == 0.05
    assert report.verdict == "pass"


def test_losses_of_one_conversation_are_one_piece_of_evidence():
    sentences = [
        msgspec.structs.replace(each, conversation=f"c{at // 20}")
        for at, each in enumerate(asked(1000))
    ]
    lost = answers(sentences, *range(20))
    apart = gate(asked(1000), answers(sentences), lost)
    together = gate(sentences, answers(sentences), lost)
    assert apart.check("intents").verdict == "fail"
    assert together.check("intents").verdict == "open"


def test_a_critical_sentence_may_not_be_lost():
    sentences = asked(1000)
    sentences[7] = msgspec.structs.replace(sentences[7], critical=True)
    report = gate(sentences, answers(sentences), answers(sentences, 7))
    assert report.check("critical").numbers["lost"] == ["text 7"]
    assert report.verdict == "fail"


def test_entities_that_are_no_longer_found_fail():
    marked = ExampleEntity(0, 4, "colour", "text")
    sentences = [msgspec.structs.replace(each, entities=(marked,)) for each in asked(300)]
    found = [
        msgspec.structs.replace(each, entities=(Entity("colour", "text", 0, 4),))
        for each in answers(sentences)
    ]
    missed = [*answers(sentences)[:30], *found[30:]]
    report = gate(sentences, found, missed)
    assert report.check("entities").verdict == "fail"
    assert report.check("entities").numbers["candidate"] == pytest.approx(270 * 2 / 570)
    assert gate(sentences, missed, found).verdict == "pass"


def test_strangers_let_in_and_guests_turned_away_are_counted_apart():
    strangers = [Asked(f"s{at}", "?", "out_of_scope") for at in range(60)]
    sentences = [*asked(300), *strangers]
    before = [*answers(asked(300)), *(Answer("nlu_fallback", 0.3) for _ in strangers)]
    lets_in = [*before[:320], *(Answer("intent_0", 0.9) for _ in range(40))]
    turns_away = [*(Answer("nlu_fallback", 0.3) for _ in range(40)), *before[40:]]
    assert gate(sentences, before, lets_in).check("strangers").verdict == "fail"
    assert gate(sentences, before, turns_away).check("kept").verdict == "fail"


def test_confidences_that_say_less_than_before_fail():
    sentences = asked(600)
    before = answers(sentences, *range(0, 600, 20))  # 95 % right, and 95 % sure
    sure = [msgspec.structs.replace(each, confidence=0.5) for each in before]
    report = gate(sentences, before, sure)
    assert report.check("calibration").verdict == "fail"
    assert report.check("calibration").numbers["candidate"] == pytest.approx(0.45)


def test_another_seed_that_is_worse_tells_of_luck():
    sentences = asked(1000)
    good, bad = answers(sentences), answers(sentences, *range(40))
    report = gate(sentences, good, good, seeds={"other": bad})
    assert report.check("seeds").verdict == "fail"
    assert [row["accuracy"] for row in report.seeds] == [1.0, 0.96]


def test_a_correction_that_was_not_learned_fails():
    said = answers(sentences := asked(1000))
    corrections = [Asked("c", "text", "intent_1", corrected=True)]
    learned = gate(sentences, said, said, learnt=(corrections, answers(corrections)))
    not_learned = gate(sentences, said, said, learnt=(corrections, answers(corrections, 0)))
    assert (learned.verdict, not_learned.verdict) == ("pass", "fail")
    assert "0 of 1" in not_learned.check("corrections").says


def test_a_candidate_that_is_slow_or_large_fails():
    sentences = asked(1000)
    slow = gate(sentences, answers(sentences), answers(sentences, ms=2.0))
    large = gate(sentences, answers(sentences), answers(sentences), bytes=(10, 30))
    assert (slow.check("speed").verdict, large.check("size").verdict) == ("fail", "fail")


def test_a_conversation_that_no_longer_passes_fails():
    said = answers(sentences := asked(1000))
    before, after = {"a": True, "b": False}, {"a": False, "b": False}
    report = gate(sentences, said, said, stories=(before, after))
    assert report.check("conversations").numbers["lost"] == ["a"]
    assert report.verdict == "fail"


def test_without_enough_evidence_the_disagreements_are_what_to_label():
    rng = np.random.default_rng(0)
    sentences = asked(100)
    pool = [Asked(f"p{at}", "said", None, source="traffic") for at in range(2000)]
    differ = set(rng.choice(2000, 100, replace=False).tolist())
    before = [Answer("intent_0", 0.9) for _ in pool]
    after = [Answer("intent_1" if at in differ else "intent_0", 0.9) for at in range(2000)]
    found = sorted_out(pool, before, after)
    evidence = Evidence(sentences, answers(sentences, 1, 2), answers(sentences, 3, 4, 5, 6))
    report = decide(Trial("old", "new", evidence, found), RECIPE)
    assert report.verdict == "open"
    assert 0 < len(report.to_label) <= 100
    assert set(report.to_label) <= {f"p{at}" for at in differ}
    assert f"Label these {len(report.to_label)}" in report.check("intents").says


def test_messages_behind_a_disagreement_without_a_label_do_not_count_as_agreed():
    pool = [Asked(f"p{at}", "said", None, source="traffic") for at in range(500)]
    same = [Answer("a", 0.9) for _ in pool]
    assert len(sorted_out(pool, same, same).agreed) == 500
    once = [Answer("b" if at == 250 else "a", 0.9) for at in range(500)]
    found = sorted_out(pool, same, once)
    assert len(found.waiting) == 1
    assert 0 < len(found.agreed) < 499


def test_a_users_words_stay_out_of_the_report():
    sentences = [
        msgspec.structs.replace(each, source="traffic", text="my secret") for each in asked(100)
    ]
    report = gate(sentences, answers(sentences), answers(sentences, 1), labels=Labels(("new",)))
    written = msgspec.json.encode(report)
    assert b"my secret" not in written
    assert b"intents_added" in written
    assert msgspec.json.decode(written, type=GateReport).labels == report.labels


def test_the_page_shows_every_check_and_difference_and_needs_no_other_file():
    sentences = [msgspec.structs.replace(each, text="<b>bold</b>") for each in asked(100)]
    shown = page(gate(sentences, answers(sentences), answers(sentences, 1)))
    assert all(name in shown for name in ("intents", "flips", "calibration", "&lt;b&gt;bold"))
    assert "<b>bold" not in shown
    assert "<svg" in shown
    assert "src=" not in shown
    assert "<link" not in shown


def test_a_recipe_names_only_what_differs(tmp_path):
    path = tmp_path / "gate.toml"
    path.write_text("margin = 0.02\n")
    assert load_gate_recipe(path) == msgspec.structs.replace(RECIPE, margin=0.02)
    path.write_text("margins = 0.02\n")
    with pytest.raises(SettingsError, match="margins"):
        load_gate_recipe(path)
