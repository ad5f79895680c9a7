"""Serve the package ``actions`` of the current folder: ``action_server.py LISTENING_FD``.

A script of its own for the Python that has rasa-sdk, which may be another one than Parley's.
The rasa_sdk command listens on every address and in several processes; this one takes over a
loopback socket and stays one process. It knows rasa-sdk 3.6 and what came after it.
"""

import importlib.util
import inspect
import logging
import socket
import sys
from pathlib import Path
from typing import Any

LOADING = Path(__file__).parents[1] / "actions" / "loading.py"


def main() -> None:
    sys.path[0] = str(Path.cwd())  # not this script's folder: it has modules of common names
    from rasa_sdk.endpoint import create_app

    logging.basicConfig(level=logging.WARNING, format="actions: %(levelname)s %(message)s")
    loading = _beside_parley()
    try:
        executor = loading.load_actions("actions", Path.cwd())
    except loading.NotLoaded as error:
        sys.exit(f"actions: {error}")
    listening = socket.socket(fileno=int(sys.argv[1]))
    if "action_package_name" in inspect.signature(create_app).parameters:  # rasa-sdk 3.6
        create_app("actions").run(sock=listening, access_log=False, debug=False)
        return
    app = create_app(executor)
    app.config.ACCESS_LOG = False
    app.run(sock=listening, single_process=True, motd=False, debug=False)


def _beside_parley() -> Any:
    """``bot.actions.loading`` from its file: this Python need not have the package."""
    spec = importlib.util.spec_from_file_location("parley_loading", LOADING)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


main()
