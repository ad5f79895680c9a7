"""docs/architecture.md and what it describes."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
FILES = sorted(path.stem for path in (ROOT / "bot").glob("*.py") if path.stem != "__init__")
FOLDERS = sorted(path.parent.name for path in (ROOT / "bot").glob("*/__init__.py"))


@pytest.mark.parametrize("name", FILES)
def test_the_page_names_the_file(name: str):
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("name", FOLDERS)
def test_the_page_names_the_folder(name: str):
    assert f"| `bot/{name}/` |" in PAGE
