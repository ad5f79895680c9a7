"""What was tried is said at the end."""

from __future__ import annotations

import pytest

from tests.fuzz import budget


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if budget.done:
        terminalreporter.section(f"examples, from seed {budget.FIRST_SEED} on")
        for name, number in sorted(budget.done.items()):
            terminalreporter.line(f"{number:>9,}  {name}")
