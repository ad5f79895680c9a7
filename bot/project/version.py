"""The ``version`` key of a file: which edition of Rasa's format it is written in."""

from __future__ import annotations

import re

from bot.project.node import Node
from bot.project.report import Report

NEWEST = (3, 1)
OLDEST = (3, 0)


def version_of(root: Node) -> tuple[int, int] | None:
    """What a file says, None where it says nothing that is a version."""
    node = root.value.get("version") if isinstance(root.value, dict) else None
    if node is None:
        return None
    match = re.fullmatch(r"(\d{1,4})(?:\.(\d{1,4}))?(?:\.\d+)*", node.source.strip())
    return (int(match[1]), int(match[2] or 0)) if match else None


def is_read(root: Node, report: Report) -> bool:
    """Whether a file of this version is read; says so when it is not the current one."""
    node = root.value.get("version") if isinstance(root.value, dict) else None
    if node is None:
        return True
    version = version_of(root)
    if version is None:
        report.warn(node.wrong(f"the version is {node.kind}.", 'Write version: "3.1".'))
        return True
    if version > NEWEST:
        report.warn(
            node.wrong(
                f"the version {node.source} is newer than 3.1; this file is passed over.",
                'Write version: "3.1".',
            )
        )
        return False
    if version < OLDEST:
        report.warn(node.wrong(f"the version {node.source} is older than 3.0; read as 3.1."))
    return True
