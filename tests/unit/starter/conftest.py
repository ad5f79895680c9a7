"""The starter project's shop, filled as for a new customer, in a file of the test's own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

STARTER = Path(__file__).parents[3] / "data" / "starter"
sys.path.insert(0, str(STARTER))


@pytest.fixture
def session() -> Iterator[Session]:
    """A transaction on a freshly filled shop in memory."""
    from actions.models import Base
    from actions.seed import fill

    engine = create_engine("sqlite://")
    with Session(engine) as session:
        Base.metadata.create_all(session.connection())
        fill(session)
        yield session
    engine.dispose()
