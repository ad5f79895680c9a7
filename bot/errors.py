"""Everything Parley raises on purpose.

ParleyError                 500   says what was found, where, and what would be right
├── ProjectError            422   a project file is wrong; carries file, line, column
├── SettingsError           500   a setting is wrong or missing; stops the start
├── BadRequest              400   what a client sent cannot be understood
├── NotFound                404   what a client named does not exist
├── Duplicate               422   a message id came again with other content
├── Conflict                409   the conversation moved on meanwhile
├── Unavailable             503   SQL, Redis, NLU or the action server cannot be reached
│   └── StorageFull         503   the disk of the database is full
├── Timeout                 504   the answer was not ready in time; it will be stored
├── ActionFailed            502   the action server could not do it, or answered nonsense
└── ActionRejected          400   an action declined to run; another one is chosen instead
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ParleyError(Exception):
    """Something a person can put right; ``str()`` is the sentence to show them."""

    status = 500
    reason = "InternalError"
    details: Mapping[str, Any] = {}  # for programs, beside the sentence
    headers: Mapping[str, str] = {}  # of the answer over HTTP, beside the usual

    @property
    def told(self) -> str:
        """The sentence for whoever asks from outside."""
        return str(self)


class ProjectError(ParleyError):
    """A project file is wrong. Shown as ``domain.yml:14:11: what is wrong. What would be right.``

    ``suggestion`` is the part that says what would be right.
    """

    status = 422
    reason = "ProjectError"

    def __init__(
        self,
        message: str,
        *,
        file: str = "",
        line: int | None = None,
        column: int | None = None,
        suggestion: str = "",
    ) -> None:
        self.message, self.file, self.line, self.column = message, file, line, column
        self.suggestion = suggestion
        place = ":".join(str(part) for part in (file or None, line, column) if part is not None)
        sentence = f"{message} {suggestion}" if suggestion else message
        super().__init__(f"{place}: {sentence}" if place else sentence)


class SettingsError(ParleyError):
    """A setting is wrong or missing."""

    reason = "SettingsError"


class BadRequest(ParleyError):
    """What a client sent cannot be understood."""

    status = 400
    reason = "BadRequest"


class NotFound(ParleyError):
    """What a client named does not exist."""

    status = 404
    reason = "NotFound"


class Duplicate(ParleyError):
    """A message id came again with other content."""

    status = 422
    reason = "DuplicateMessageId"


class Conflict(ParleyError):
    """The conversation moved on while this was being worked out."""

    status = 409
    reason = "Conflict"


class Unavailable(ParleyError):
    """A part the answer needs cannot be reached now; ask again in ``retry_after_s``.

    ``outside`` is what strangers are told instead, where the sentence says what is inside.
    """

    status = 503
    reason = "Unavailable"
    retry_after_s = 2

    def __init__(self, *sentence: str, outside: str = "") -> None:
        super().__init__(*sentence)
        self._outside = outside

    @property
    def told(self) -> str:
        return self._outside or str(self)


class StorageFull(Unavailable):
    """Nothing more can be stored, until there is room again."""

    reason = "StorageFull"
    retry_after_s = 30


class Timeout(ParleyError):
    """The answer was not ready in time; the same message id gets it later."""

    status = 504
    reason = "Timeout"


class ActionFailed(ParleyError):
    """The action server could not be reached, refused, failed, or answered nonsense."""

    status = 502
    reason = "ActionFailed"


class ActionRejected(ParleyError):
    """An action declined to run, so that another one is chosen; not a failure."""

    status = 400
    reason = "ActionExecutionRejection"
