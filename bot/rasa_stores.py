"""What the stores that endpoints.yml names for Rasa mean here, and what of them means nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bot.project.project import Endpoints
from bot.settings import REDIS_TLS, Settings

# The keys of Rasa's stores that are read: see ``sql_store_url`` and ``redis_store_url``.
_SQL = {"type", "dialect", "url", "port", "db", "username", "password", "query"}
_REDIS = {"type", "url", "port", "db", "username", "password", "use_ssl", "key_prefix", *REDIS_TLS}
_IN_MEMORY = ("", "inmemory", "in_memory", "memory")  # Rasa's default, written out


def redis_prefix(endpoints: Endpoints, default: str = "parley") -> str:
    """What keys in Redis begin with: ``key_prefix`` of the store comes before ours."""
    for store in (endpoints.lock_store, endpoints.tracker_store):
        if _kind(store) == "redis" and store.get("key_prefix"):
            return f"{store['key_prefix']}:{default}"
    return default


def store_hints(endpoints: Endpoints, settings: Settings) -> Iterator[str]:
    """Sentences on what endpoints.yml asks of stores and does not get.

    ``settings`` are those that ``endpoints`` completed.
    """
    log = f"The log is kept in {_place(settings.sql_url)}; name another with PARLEY_DATABASE_URL."
    match _kind(endpoints.tracker_store):
        case "sql":
            dialect = str(endpoints.tracker_store.get("dialect") or "sqlite")
            if not dialect.startswith(("sqlite", "postgres")):
                yield f"endpoints.yml: tracker_store: no dialect {dialect} here. {log}"
            yield from _unread("tracker_store", endpoints.tracker_store, _SQL)
        case "redis":
            yield f"endpoints.yml: tracker_store: Redis holds live conversations only. {log}"
            yield from _unread("tracker_store", endpoints.tracker_store, _REDIS)
        case kind if kind not in _IN_MEMORY:
            yield f"endpoints.yml: tracker_store: no type {kind} here. {log}"
    match _kind(endpoints.lock_store):
        case "redis":
            yield from _unread("lock_store", endpoints.lock_store, _REDIS)
        case kind if kind not in _IN_MEMORY:
            yield (
                f"endpoints.yml: lock_store: no type {kind} here. Conversations are locked in "
                "Redis; name one with PARLEY_REDIS_URL."
            )


def _unread(name: str, store: Mapping[str, Any], read: set[str]) -> Iterator[str]:
    if left := sorted(store.keys() - read):
        yield f"endpoints.yml: {name}: {', '.join(left)} without effect here."


def _kind(store: Mapping[str, Any]) -> str:
    kind = str(store.get("type") or "")
    return kind if "." in kind else kind.lower()


def _place(url: str) -> str:
    """``url`` without whom and how to log in as."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
