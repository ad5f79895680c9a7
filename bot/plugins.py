"""A name in a project file becomes the thing it names: built in, installed, or a dotted path."""

from __future__ import annotations

import difflib
import importlib
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from bot.errors import SettingsError

RASA = "rasa"  # the package that custom parts of Rasa's projects import

BUILT_IN: dict[str, dict[str, str]] = {
    "channels": {
        "rest": "bot.channels.rest.open_rest",
        "web": "bot.channels.web.open_web",
        "callback": "bot.channels.callback.open_callback",
        "socketio": "bot.channels.socketio.open_socketio",
        "telegram": "bot.channels.telegram.channel.open_telegram",
    },
    "brokers": {
        "file": "bot.broker.file.open_file",
        "sql": "bot.broker.sql.open_sql",
        "pika": "bot.broker.pika.open_pika",
        "kafka": "bot.broker.kafka.open_kafka",
    },
}


def find(kind: str, name: str, *, folder: Path | None = None) -> Any:
    """What ``name`` stands for among ``kind`` (``channels``…).

    The built-in table first, then entry points of the group ``parley.<kind>``, then ``name`` as a
    dotted path, which may lie in ``folder``. Raises SettingsError.
    """
    built_in = BUILT_IN.get(kind, {})
    if path := built_in.get(name):
        return _at(path)
    installed = {entry.name: entry for entry in entry_points(group=f"parley.{kind}")}
    if entry := installed.get(name):
        return entry.load()
    if "." in name:
        return _at(name, folder)
    known = sorted({*built_in, *installed})
    close = difflib.get_close_matches(name, known, 1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise SettingsError(f"{kind}: no {name!r}.{hint} Known: {', '.join(known)}; or a dotted path.")


def _at(path: str, folder: Path | None = None) -> Any:
    module, _, attribute = path.rpartition(".")
    if folder is not None and (place := str(folder.absolute())) not in sys.path:
        sys.path.append(place)
    try:
        return getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        if (error.name or "").partition(".")[0] == RASA:
            raise SettingsError(
                f"{path} is written for Rasa: it imports {error.name}, whose classes need Rasa's "
                "own server. docs/channels.md shows what takes their place."
            ) from error
        raise SettingsError(f"{path} cannot be imported: {error}.") from error
    except AttributeError as error:
        raise SettingsError(f"{path} cannot be imported: {error}.") from error
    except Exception as error:  # it is anybody's code
        raise SettingsError(
            f"{path} cannot be imported: {type(error).__name__}: {error}."
        ) from error
