"""Serve the package ``actions`` of the current folder: ``action_server.py LISTENING_FD``.

A script of its own for the Python that has rasa-sdk, which may be another one than Parley's.
The rasa_sdk command listens on every address and in several processes; this one takes over a
loopback socket and stays one process.
"""

import logging
import socket
import sys
import traceback
from pathlib import Path


def main() -> None:
    sys.path[0] = str(Path.cwd())  # not this script's folder: it has modules of common names
    from rasa_sdk.endpoint import create_app
    from rasa_sdk.executor import ActionExecutor

    logging.basicConfig(level=logging.WARNING, format="actions: %(levelname)s %(message)s")
    executor = ActionExecutor()
    # Its record of a failed import is a traceback; ours is a sentence.
    logging.getLogger("rasa_sdk.executor").addFilter(lambda record: not record.exc_info)
    try:
        executor.register_package("actions")
    except (Exception, SystemExit) as error:
        cause = error.__context__ if isinstance(error, SystemExit) else error
        sys.exit(f"actions: {_place(cause)}: {type(cause).__name__}: {_reason(cause)}")
    app = create_app(executor)
    app.config.ACCESS_LOG = False
    app.run(
        sock=socket.socket(fileno=int(sys.argv[1])), single_process=True, motd=False, debug=False
    )


def _place(error: BaseException | None) -> str:
    """The file and line of the project where ``error`` came up."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_relative(error.filename)}:{error.lineno}"
    own = [
        f"{_relative(frame.filename)}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__ if error else None)
        if Path(frame.filename).is_relative_to(Path.cwd())
    ]
    return own[-1] if own else "the package"


def _relative(file: str) -> str:
    return file.removeprefix(f"{Path.cwd()}/")


def _reason(error: BaseException | None) -> str:
    return error.msg if isinstance(error, SyntaxError) else str(error)


main()
