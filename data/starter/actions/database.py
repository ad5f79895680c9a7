"""Where the shop's database is, and opening it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Engine, create_engine, inspect
from sqlalchemy.orm import Session

from .models import Base
from .seed import fill

PROJECT = Path(__file__).resolve().parent.parent


def database_url() -> str:
    """``SHOP_DATABASE_URL``, else a SQLite file in the project's ``.shop/``."""
    return os.environ.get("SHOP_DATABASE_URL") or f"sqlite:///{PROJECT / '.shop' / 'shop.db'}"


@lru_cache
def open_shop(url: str) -> Engine:
    """The shop behind ``url``; a new one is created and filled with the sample data."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite" and engine.url.database:
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
    if not inspect(engine).has_table("orders"):
        with Session(engine) as session, session.begin():
            Base.metadata.create_all(session.connection())
            fill(session)
    Base.metadata.create_all(engine)  # what a shop of an earlier version lacks
    return engine


@contextmanager
def shop_session() -> Iterator[Session]:
    """One transaction on the shop, committed at the end; raises SQLAlchemyError or OSError."""
    with Session(open_shop(database_url())) as session, session.begin():
        yield session
