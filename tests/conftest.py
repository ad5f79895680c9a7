"""What every test has: real services on demand, and no skip that passes for a run."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
import structlog

pytest_plugins = ["tests.servers", "tests.redises"]

# Why a test may be left out where this is not CI: data beside the checkout, leave to mount a disk.
_PARDONED = ("shared/", "this kernel")


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A test that starts logging, as a command does in this process, leaves none of it behind."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    if structlog.is_configured():
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the skips that make this run a failure."""
    if forbidden := _forbidden_skips(terminalreporter):
        terminalreporter.section("skipped tests do not count as passed")
        for report in forbidden:
            terminalreporter.line(f"{report.nodeid}: {report.longrepr}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A skip fails the run, unless it is pardoned and this is not CI."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and _forbidden_skips(reporter) and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _forbidden_skips(reporter: pytest.TerminalReporter) -> list[pytest.TestReport]:
    skipped = reporter.stats.get("skipped", [])
    if os.environ.get("CI"):
        return list(skipped)
    return [
        report for report in skipped if not any(why in str(report.longrepr) for why in _PARDONED)
    ]
