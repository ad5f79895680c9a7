"""Where the tests find their browser."""

from __future__ import annotations

import pytest

from tests.browser.conftest import chromium


def test_a_missing_browser_fails_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PARLEY_CHROMIUM", "/nowhere/chromium")
    with pytest.raises(pytest.fail.Exception, match="apt-get install chromium"):
        chromium()
