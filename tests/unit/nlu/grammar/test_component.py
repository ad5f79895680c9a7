"""The grammar in a project's pipeline: its options, its entities, Duckling's place, the clock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from bot.errors import ProjectError
from bot.model.nlu import open_understanding
from bot.project.load import load_project
from nlu.errors import NluError
from nlu.grammar import NAME
from nlu.grammar.component import GrammarFinder, Options
from nlu.parse import Context, Entity

AT = 1_795_165_200.0  # 2026-11-20T09:00:00Z, a Friday


def project(tmp_path: Path, config: str, language: str = "en") -> Any:
    (tmp_path / "domain.yml").write_text("intents: [a]\n")
    (tmp_path / "config.yml").write_text(f"language: {language}\npipeline:\n{config}")
    return load_project(tmp_path)


async def entities(tmp_path: Path, config: str, text: str, **context: Any) -> list[Entity]:
    found = project(tmp_path, config)
    assert found.warnings == ()
    async with open_understanding(found, tmp_path / "models") as nlu:
        return list((await nlu.parse(text, Context(at=AT, **context))).entities)


async def test_a_project_gets_entities_as_from_duckling(tmp_path: Path) -> None:
    config = f"- name: {NAME}\n  dimensions: [time, number]\n  timezone: Europe/Berlin\n"
    two, time = await entities(tmp_path, config, "a table for two tomorrow at 7pm")
    assert msgspec.to_builtins(two) == {
        "start": 12,
        "end": 15,
        "text": "two",
        "value": 2,
        "confidence": 1.0,
        "additional_info": {"value": 2, "type": "value"},
        "entity": "number",
        "extractor": NAME,
    }
    assert (time.entity, time.value) == ("time", "2026-11-21T19:00:00.000+01:00")
    assert time.additional_info is not None
    seven = {"value": time.value, "grain": "hour", "type": "value"}
    assert time.additional_info == {"values": [seven], **seven, "iso": "2026-11-21T19:00+01:00"}


async def test_an_interval_has_both_ends_and_an_open_one_has_one(tmp_path: Path) -> None:
    config = f"- name: {NAME}\n"
    (morning,) = await entities(tmp_path, config, "tomorrow morning")
    assert morning.value == {
        "to": "2026-11-21T12:00:00.000+00:00",
        "from": "2026-11-21T04:00:00.000+00:00",
    }
    (after,) = await entities(tmp_path, config, "after 5pm")
    assert after.value == {"to": None, "from": "2026-11-20T17:00:00.000+00:00"}


async def test_without_a_url_the_grammar_stands_in_for_duckling_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RASA_DUCKLING_HTTP_URL", raising=False)
    with capture_logs() as logs:
        found = await entities(
            tmp_path,
            "- name: DucklingEntityExtractor\n  dimensions: [phone-number, distance]\n",
            "call +33 1 23 45 67 89 about AB-123456",
        )
    assert [(e.entity, e.value, e.extractor) for e in found] == [
        ("phone-number", "(+33) 123456789", "DucklingEntityExtractor")
    ]
    (line,) = logs
    assert (line["event"], line["not_found"]) == ("nlu.grammar_serves", ["distance"])


async def test_by_its_own_name_it_writes_e164_and_finds_order_numbers(tmp_path: Path) -> None:
    found = await entities(tmp_path, f"- name: {NAME}\n", "call +33 1 23 45 67 89 about AB-123456")
    assert [(e.entity, e.value) for e in found] == [
        ("phone-number", "+33123456789"),
        ("order-number", "AB-123456"),
    ]


async def test_the_users_zone_and_locale_come_before_the_options(tmp_path: Path) -> None:
    config = f"- name: {NAME}\n  timezone: Europe/Berlin\n  locale: en_US\n"
    (day,) = await entities(
        tmp_path, config, "05/06/2027", timezone="Asia/Shanghai", locale="en-GB"
    )
    assert day.value == "2027-06-05T00:00:00.000+08:00"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc", "", "Europe", "\0", "x" * 999])
@pytest.mark.parametrize("locale", ["xx", "", "english", "en_", "日本", "\0\0", "a" * 99])
async def test_a_zone_or_locale_that_is_none_is_passed_over(zone: str, locale: str) -> None:
    finder = GrammarFinder(Options(timezone="Europe/Berlin"))
    (day,) = await finder.find("2027-06-05", Context(at=AT, timezone=zone, locale=locale))
    assert day.value == "2027-06-05T00:00:00.000+02:00"


async def test_without_a_time_in_the_context_the_servers_clock_counts() -> None:
    (today,) = await GrammarFinder(Options(), clock=lambda: AT).find("today")
    assert today.value == "2026-11-20T00:00:00.000+00:00"


async def test_only_the_wanted_dimensions_are_looked_for() -> None:
    finder = GrammarFinder(Options(dimensions=("number",)))
    assert [e.value for e in await finder.find("tomorrow at 7 pm")] == [7]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(timezone="Europe/Berln"), "'Europe/Berln'. Did you mean 'Europe/Berlin'"),
        (Options(dimensions=("tmie",)), "'tmie'. Did you mean 'time'"),
    ],
)
def test_a_wrong_option_is_refused_by_name(options: Options, message: str) -> None:
    with pytest.raises(NluError, match=message.replace("?", r"\?")):
        GrammarFinder(options)


async def test_a_project_with_a_wrong_zone_is_told_where(tmp_path: Path) -> None:
    found = project(tmp_path, f"- name: {NAME}\n  timezone: Berlin\n")
    with pytest.raises(ProjectError, match=r"config\.yml.*no time zone 'Berlin'"):
        async with open_understanding(found, tmp_path / "models"):
            pass


async def test_of_other_languages_figures_and_signs_are_read_and_that_is_told(
    tmp_path: Path,
) -> None:
    found = project(tmp_path, f"- name: {NAME}\n", language="de")
    with capture_logs() as logs:
        async with open_understanding(found, tmp_path / "models") as nlu:
            parse = await nlu.parse("am 24.12.2026 um 18:30 für 25,50 €", Context(at=AT))
    assert [(e.entity, e.value) for e in parse.entities] == [
        ("time", "2026-12-24T00:00:00.000+00:00"),
        ("time", "2026-11-20T18:30:00.000+00:00"),
        ("amount-of-money", 25.5),
    ]
    assert [line["event"] for line in logs] == ["nlu.grammar_without_words"]
