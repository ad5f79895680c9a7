"""A project's conversation tests with one of its models: `parley test core` as a child."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ruamel.yaml import YAML

from bot.errors import ParleyError
from bot.testing.results import FAILED, PASSED
from bot.testing.told import story_files

COMMAND = "from bot.cli import main; main()"
TOO_LONG_S = 1800.0


class TestsBroken(ParleyError):
    """The conversation tests could not be run."""

    reason = "TestsBroken"


def passed(
    project: Path, models: Path, version: str, arguments: Sequence[str] = ()
) -> Mapping[str, bool]:
    """Each conversation test, and whether it passes with ``version``; empty where there are none.

    Raises TestsBroken.
    """
    tests = project / "tests"
    if not tests.is_dir() or not story_files(tests):
        return {}
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        given = ["--project", project, "--models", models, "--model", version, "--out", out]
        flags = ["--successes", "--no-plot", "--no-fail", *arguments]
        finished = _run([sys.executable, "-c", COMMAND, "test", "core", *map(str, given), *flags])
        if finished.returncode or not (out / FAILED).is_file():
            said = (finished.stderr or finished.stdout).strip().splitlines() or ["it said nothing"]
            raise TestsBroken(f"`parley test core --model {version}` did not end well: {said[-1]}")
        return {**_stories(out / PASSED, True), **_stories(out / FAILED, False)}


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=TOO_LONG_S)
    except subprocess.TimeoutExpired as error:
        raise TestsBroken(f"the conversation tests ran longer than {TOO_LONG_S:.0f} s.") from error


def _stories(path: Path, verdict: bool) -> dict[str, bool]:
    told = YAML(typ="safe", pure=True).load(path.read_text("utf-8")) or {}
    return {str(story["story"]): verdict for story in told.get("stories", ())}
