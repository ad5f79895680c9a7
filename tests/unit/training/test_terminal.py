from __future__ import annotations

import os

import pytest

from training.terminal import needs_torch


@pytest.mark.parametrize(("load", "policy"), [(0.5, None), (4.0, None), (4.5, "PASSIVE")])
def test_threads_wait_asleep_only_where_others_want_all_cores(
    monkeypatch: pytest.MonkeyPatch, load: float, policy: str | None
):
    monkeypatch.setattr(os, "environ", {})
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    with needs_torch():
        assert os.environ.get("OMP_WAIT_POLICY") == policy


def test_how_threads_wait_is_left_to_who_has_said_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "environ", {"OMP_WAIT_POLICY": "ACTIVE"})
    monkeypatch.setattr(os, "getloadavg", lambda: (1e6, 0.0, 0.0))
    with needs_torch():
        assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
