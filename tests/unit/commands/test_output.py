"""What commands write."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.commands.output import written
from bot.errors import SettingsError


def test_a_file_is_written_with_the_folders_above_it(tmp_path: Path):
    with written(tmp_path / "a" / "b.txt") as file:
        file.write("é")
    assert (tmp_path / "a" / "b.txt").read_text("utf-8") == "é"


def write_half(out: Path) -> None:
    with written(out) as file:
        file.write("half")
        raise ZeroDivisionError


def test_a_file_stays_as_it_was_where_something_goes_wrong(tmp_path: Path):
    out = tmp_path / "b.txt"
    out.write_text("before")
    with pytest.raises(ZeroDivisionError):
        write_half(out)
    assert [path.name for path in tmp_path.iterdir()] == ["b.txt"]
    assert out.read_text() == "before"


@pytest.mark.parametrize("name", ["file/b.txt", "file/a/b.txt", "folder"])
def test_where_nothing_can_be_written_is_one_sentence(tmp_path: Path, name: str):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(SettingsError, match="cannot be written"), written(tmp_path / name) as file:
        file.write("x")


def test_without_a_file_it_is_the_terminal(capsys: pytest.CaptureFixture[str]):
    with written(None) as file:
        file.write("x")
    assert capsys.readouterr().out == "x"
