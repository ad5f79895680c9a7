"""Actions of a project on rasa-sdk 3.6, which goes with Rasa 3.6 and needs Python 3.10."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from bot.actions.remote import RemoteActions
from bot.children import actions
from bot.project.project import Endpoint
from tests.command import CHECKOUT
from tests.live.actions_suite import PROJECT, ActionsSuite
from tests.live.test_actions import Watched, ask

PYTHON = os.environ.get("PARLEY_ACTIONS36_PYTHON", str(CHECKOUT / ".venv-actions36/bin/python"))

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(
        not Path(PYTHON).exists(),
        reason=f"{PYTHON} is absent; `make conformance` makes it where there is a python3.10",
    ),
]


class TestOverHttp36(ActionsSuite):
    variables: ClassVar = {"PARLEY_ACTIONS_PYTHON": PYTHON}
    sessions_end = False


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    """The action server of the package, by itself."""
    child, url = actions.start(PROJECT, PYTHON)
    try:
        child.wait_until(lambda: actions.is_ready(url), within_s=actions.READY_WITHIN_S)
        yield Endpoint(url, timeout_s=20)
    finally:
        child.stop()


async def test_a_large_domain_goes_with_each_call_to_a_server_that_keeps_none(
    endpoint: Endpoint,
) -> None:
    network = Watched()
    async with RemoteActions(endpoint, transport=network) as remote:
        assert [await ask(remote) for _ in range(3)] == ["2 actions"] * 3
    question, *calls = network.asked
    assert question["tracker"] is None  # so that nothing runs
    assert network.answered == [500, 200, 200, 200]
    assert ["domain" in call for call in calls] == [True, True, True]
