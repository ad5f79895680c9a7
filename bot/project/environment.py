"""Puts environment variables where a file says ``${NAME}``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from bot.project.node import Node
from bot.project.report import Report

VARIABLE = re.compile(r"\$\{([^{}]*)\}")


def expand(node: Node, environ: Mapping[str, str], report: Report) -> Node:
    """``node`` with every ``${NAME}`` replaced; an unset variable is an error."""
    match node.value:
        case dict(keys):
            return replace(node, value={k: expand(v, environ, report) for k, v in keys.items()})
        case list(items):
            return replace(node, value=[expand(item, environ, report) for item in items])
        case str(text) if "${" in text:
            expanded = VARIABLE.sub(lambda match: _value(match[1], node, environ, report), text)
            return replace(node, value=expanded, source=expanded)
        case _:
            return node


def _value(name: str, node: Node, environ: Mapping[str, str], report: Report) -> str:
    if name in environ:
        return environ[name]
    with report.going_on():
        raise node.wrong(f"the environment variable {name} is not set.", f"Set {name}.")
    return ""
