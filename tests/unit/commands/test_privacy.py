"""`parley privacy` and `parley audit`, on a small log."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from bot.cli import app
from bot.dialogue.events import UserUttered
from bot.errors import ParleyError, SettingsError
from bot.store import schema
from bot.store.sql import open_log
from tests.command import write


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path / "home"))
    url = f"sqlite:///{tmp_path / 'home' / 'parley.db'}"
    schema.upgrade(url)

    async def fill() -> None:
        async with open_log(url) as log:
            for name in ("anna", "bob"):
                await log.commit(name, [UserUttered(text=f"{name}'s secret")], seq=0, epoch=0)

    asyncio.run(fill())
    return tmp_path / "home"


def run(*arguments: str, answer: str | None = None) -> Result:
    done = CliRunner().invoke(app, arguments, input=answer)
    if isinstance(done.exception, ParleyError):
        raise done.exception
    return done


def test_what_is_held_is_written_and_that_it_was_is_recorded():
    found = json.loads(run("privacy", "export", "anna").output)
    [event] = found["conversations"]["anna"]["log"]["events"]
    assert event["event"]["text"] == "anna's secret"
    listed = run("audit", "list").output
    assert "terminal" in listed
    assert "privacy.export  done  conversation " in listed
    assert "anna" not in listed


def test_nothing_is_erased_unless_it_is_meant():
    assert run("privacy", "erase", "anna", "--dry-run").exit_code == 0
    assert run("privacy", "erase", "anna", answer="n\n").exit_code == 1
    assert run("privacy", "export", "anna").exit_code == 0


def test_what_was_erased_is_gone_with_a_receipt_in_a_file(tmp_path: Path):
    receipt = tmp_path / "receipts" / "1.json"
    assert run("privacy", "erase", "anna", "--yes", "--receipt", str(receipt)).exit_code == 0
    assert json.loads(receipt.read_text())["removed"]["log"]["events"] == 1
    with pytest.raises(ParleyError, match="Nothing is held of 'anna'"):
        run("privacy", "export", "anna")
    assert run("privacy", "export", "bob").exit_code == 0


def test_what_is_damaged_is_named_at_the_end_and_all_else_is_erased(tmp_path: Path):
    damaged = Path("models") / "datasets" / "d1.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{")
    assert str(damaged) in run("privacy", "erase", "anna", "--dry-run").output
    receipt = tmp_path / "receipt.json"
    done = run("privacy", "erase", "anna", "--yes", "--receipt", str(receipt))
    assert done.exit_code == 1
    assert f"NOT ERASED from datasets: {damaged} is no version of the data" in done.output
    assert json.loads(receipt.read_text())["removed"]["log"]["events"] == 1


def test_a_redis_that_does_not_run_is_not_passed_over(home: Path):
    (home / "redis").mkdir()
    with pytest.raises(SettingsError, match=r"does not run, and its file in .* may hold"):
        run("privacy", "erase", "anna", "--yes")


def test_the_audit_log_is_verified_also_against_an_anchor(home: Path):
    import sqlite3

    run("privacy", "export", "anna")
    anchor = run("audit", "anchor").output.strip()
    assert anchor.startswith("1:")
    whole = run("audit", "verify", "--anchor", anchor)
    assert (whole.exit_code, whole.output) == (0, f"1 rows, whole; the last is {anchor}\n")
    with sqlite3.connect(home / "parley.db") as db:
        db.execute("UPDATE audit SET actor = 'somebody else'")
    broken = run("audit", "verify")
    assert broken.exit_code == 1
    assert "row 1 was changed or moved" in broken.output
    with pytest.raises(SettingsError, match="give NUMBER:HASH"):
        run("audit", "verify", "--anchor", "yesterday")


@pytest.mark.parametrize(
    ("command", "action"),
    [
        (("export", "tracker"), "export.tracker"),
        (("export", "stories"), "export.stories"),
        (("outbox", "list"), "outbox.list"),
    ],
)
def test_what_an_operator_reads_of_a_conversation_is_recorded(command: list[str], action: str):
    assert run(*command, "--conversation", "anna").exit_code == 0
    assert run(*command).exit_code == 0
    [one] = run("audit", "list", "--conversation", "anna").output.splitlines()[:-1]
    assert action in one
    assert "2 rows" in run("audit", "list", "--action", action).output


def test_replies_that_are_sent_again_are_recorded():
    run("outbox", "resend", "--state", "failed")
    assert "outbox.resend  done  what=failed" in run("audit", "list").output


def test_the_audit_log_is_listed_by_what_is_asked():
    run("privacy", "export", "anna")
    run("privacy", "export", "bob")
    [row] = [
        json.loads(line)
        for line in run(
            "audit", "list", "--conversation", "bob", "--format", "json"
        ).output.splitlines()
    ]
    assert (row["number"], row["action"]) == (2, "privacy.export")
    assert "0 rows" in run("audit", "list", "--conversation", "nobody").output
    assert "2 rows" in run("audit", "list", "--action", "privacy.").output
    assert "1 rows, or more" in run("audit", "list", "--limit", "1").output
