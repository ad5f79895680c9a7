"""`parley explain`, on a bundle small enough to know what it says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.errors import NotFound, SettingsError
from tests.unit.nlu.conftest import write_bundle

Explain = Callable[..., Result]


@pytest.fixture
def explain(tmp_path: Path) -> Explain:
    write_bundle(tmp_path / "models" / "v1")
    (tmp_path / "models" / "current").write_text("v1")

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, ["explain", *words, "--project", str(tmp_path)])

    return run


def test_it_shows_what_decided_with_bars(explain: Explain):
    told = explain("order green tea").output
    assert "intent order, 99.0%, rather than faq" in told
    assert re.search(r"order +\+6\.00 +█{20} +20\.0% without it", told)
    assert "entity item: “green”" in told


def test_json_has_every_word_with_its_place(explain: Explain):
    told = json.loads(explain("order tea", "--format", "json").output)
    assert told["intent"]["name"] == "order"
    assert told["intent"]["words"][1]["start"] == 6
    assert [entity["entity"] for entity in told["entities"]] == ["item"]


def test_the_page_needs_nothing_else_and_holds_what_was_written_as_text(
    explain: Explain, tmp_path: Path
):
    page = tmp_path / "out" / "why.html"
    assert f"{page}" in explain("order <script>", "--html", str(page)).output
    written = page.read_text()
    assert "<script" not in written
    assert "&lt;</mark>" in written
    assert "http" not in written


def test_what_cannot_be_explained_is_one_sentence(explain: Explain, tmp_path: Path):
    assert "no text to explain" in str(explain("  ").exception)
    assert "at most 100" in str(explain("tea " * 101).exception)
    (tmp_path / "models" / "current").unlink()
    missing = explain("order tea").exception
    assert isinstance(missing, NotFound)
    assert "parley train" in str(missing)
    assert isinstance(explain(" ").exception, SettingsError)


def test_a_text_of_nothing_a_model_sees_is_said_to_be_so(explain: Explain):
    assert "no word" in explain("\u200b").output
