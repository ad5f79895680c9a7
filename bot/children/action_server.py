"""Serve the package ``actions`` of the current folder: ``action_server.py LISTENING_FD``.

A script of its own for the Python that has rasa-sdk, which may be another one than Parley's.
The rasa_sdk command listens on every address and in several processes; this one takes over a
loopback socket and stays one process.
"""

import logging
import socket
import sys
from pathlib import Path


def main() -> None:
    sys.path[0] = str(Path.cwd())  # not this script's folder: it has modules of common names
    from rasa_sdk.endpoint import create_app
    from rasa_sdk.executor import ActionExecutor

    logging.basicConfig(level=logging.WARNING, format="actions: %(levelname)s %(message)s")
    executor = ActionExecutor()
    executor.register_package("actions")
    app = create_app(executor)
    app.config.ACCESS_LOG = False
    app.run(
        sock=socket.socket(fileno=int(sys.argv[1])), single_process=True, motd=False, debug=False
    )


main()
