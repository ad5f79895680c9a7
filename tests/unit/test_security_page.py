"""docs/security.md promises nothing that no test proves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")


def proofs() -> list[tuple[str, str]]:
    """File and name of every test in the page's tables; one without a file is in that before it."""
    found, file = [], ""
    for line in PAGE.splitlines():
        if line.startswith("|"):
            for told, name in re.findall(r"`(?:(tests/[\w/]+\.py)::)?(test_\w+)`", line):
                file = told or file
                found.append((file, name))
    return found


@pytest.mark.parametrize(("file", "name"), proofs())
def test_a_named_proof_is_there(file: str, name: str):
    assert re.search(rf"^\s*(async )?def {name}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE)


def test_every_promise_names_a_proof():
    promises = PAGE.split("| promise | proof |")[1:]
    assert len(promises) >= 3
    for table in promises:
        rows = table.split("\n\n")[0].strip().splitlines()[1:]
        assert [row for row in rows if "`tests/" not in row] == []
