"""A name in a project file becomes the thing it names: built in, installed, or a dotted path."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import Any

from bot.errors import SettingsError

BUILT_IN: dict[str, dict[str, str]] = {
    "channels": {
        "rest": "bot.channels.rest.open_rest",
        "web": "bot.channels.web.open_web",
        "callback": "bot.channels.callback.open_callback",
        "socketio": "bot.channels.socketio.open_socketio",
    },
    "brokers": {
        "file": "bot.broker.file.open_file",
        "sql": "bot.broker.sql.open_sql",
        "pika": "bot.broker.pika.open_pika",
        "kafka": "bot.broker.kafka.open_kafka",
    },
}


def find(kind: str, name: str) -> Any:
    """What ``name`` stands for among ``kind`` (``channels``…).

    The built-in table first, then entry points of the group ``parley.<kind>``, then ``name`` as a
    dotted path. Raises SettingsError.
    """
    built_in = BUILT_IN.get(kind, {})
    if path := built_in.get(name):
        return _at(path)
    installed = {entry.name: entry for entry in entry_points(group=f"parley.{kind}")}
    if entry := installed.get(name):
        return entry.load()
    if "." in name:
        return _at(name)
    known = ", ".join(sorted({*built_in, *installed}))
    raise SettingsError(f"{kind}: no {name!r}. Known: {known}; or a dotted path.")


def _at(path: str) -> Any:
    module, _, attribute = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise SettingsError(f"{path} cannot be imported: {error}.") from error
