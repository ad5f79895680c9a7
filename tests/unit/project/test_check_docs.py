"""docs/check.md lists what there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from bot.project.lint.subject import FoundCode

DOCS = Path(__file__).parents[3] / "docs" / "check.md"


def test_every_code_of_a_problem_is_in_the_docs_and_no_other() -> None:
    table = DOCS.read_text().partition("## What is looked for")[2]
    rows = re.findall(r"^\| ((?:`[a-z-]+`(?:, )?)+) \|", table, re.MULTILINE)
    documented = {code for row in rows for code in re.findall(r"`([a-z-]+)`", row)}
    assert documented == {"read", "undefined", *get_args(FoundCode)}
