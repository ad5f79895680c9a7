"""What a project's own Python code speaks of, found without running it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

BEGUN = re.compile(
    r"""\b(?:utter|action|validate)_(?:\w*(?=\{|%s)|(?:\w*_)?(?=["']))"""  # "action_" + name
)
"""The first part of a name put together in code, as in f"utter_order_{status}"."""


@dataclass(frozen=True, slots=True)
class Code:
    """The words of the code and the beginnings of names made in it."""

    text: str
    words: frozenset[str]
    beginnings: tuple[str, ...]

    def may_name(self, name: str) -> bool:
        """Whether the code speaks of ``name``."""
        return name in self.words or name.startswith(self.beginnings)

    def may_say(self, response: str) -> bool:
        """Whether an action may utter ``response``."""
        return response in self.text or response.startswith(self.beginnings)


def read_code(root: Path) -> Code:
    """The Python files of the project and of its folder ``actions``."""
    files = sorted([*root.glob("*.py"), *root.glob("actions/**/*.py")])
    text = "\n".join(_text(path) for path in files)
    return Code(text, frozenset(re.findall(r"\w+", text)), tuple(BEGUN.findall(text)))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace") if path.is_file() else ""
    except OSError:
        return ""  # whoever runs it will say so
