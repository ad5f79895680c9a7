"""Loads a project's actions with rasa-sdk, and says in a sentence why they cannot be loaded.

Standard library only, and Python 3.10 reads it: the action server that `parley run` starts loads
this file too, in the Python that has rasa-sdk, where Parley need not be installed.
"""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import Path
from typing import Any


class NotLoaded(Exception):
    """A package of actions cannot be imported, or registered."""


def load_actions(module: str, folder: Path) -> Any:
    """rasa-sdk's executor with the actions of ``module``, which lies in ``folder``.

    Raises ImportError where rasa-sdk is missing, NotLoaded for what is wrong in the project.
    """
    from rasa_sdk.executor import ActionExecutor

    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    # Its record of a failed import is a traceback; ours is a sentence.
    quiet = logging.getLogger("rasa_sdk.executor")
    quiet.addFilter(_without_traceback)
    executor = ActionExecutor()
    try:
        executor.register_package(module)
    except (Exception, SystemExit) as error:  # it answers a failed import with sys.exit(1)
        cause = error.__context__ if isinstance(error, SystemExit) and error.__context__ else error
        place = _place(cause, folder)
        raise NotLoaded(f"{place}: {type(cause).__name__}: {_reason(cause)}") from error
    finally:
        quiet.removeFilter(_without_traceback)
    return executor


def _without_traceback(record: logging.LogRecord) -> bool:
    return not record.exc_info


def _place(error: BaseException, folder: Path) -> str:
    """The file and line of the project where ``error`` came up."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_relative(error.filename, folder)}:{error.lineno}"
    own = [
        f"{_relative(frame.filename, folder)}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(folder)
    ]
    return own[-1] if own else "the package"


def _relative(file: str, folder: Path) -> str:
    return file[len(f"{folder}/") :] if file.startswith(f"{folder}/") else file


def _reason(error: BaseException) -> str:
    return error.msg if isinstance(error, SyntaxError) else str(error)
