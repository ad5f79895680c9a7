"""Starts a child again when it ends by itself, as an operator would."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from types import TracebackType

import structlog

from bot.children.child import Child

_LOOK_EVERY_S = 0.5
_LONGEST_PAUSE_S = 30.0


class Watch:
    """Looks after ``children`` inside its block, and stops them, last first, at its end."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._children = children
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch-children", daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join()
        for child in reversed(self._children):
            child.stop()

    def _look(self) -> None:
        log = structlog.get_logger()
        pause = dict.fromkeys(self._children, 0.0)
        wait = dict(pause)
        while not self._stopping.wait(_LOOK_EVERY_S):
            for child in self._children:
                wait[child] = max(0.0, wait[child] - _LOOK_EVERY_S)
                if child.alive or wait[child]:
                    continue
                log.error("child.ended", child=child.name, again_in_s=pause[child])
                child.restart()
                pause[child] = min(_LONGEST_PAUSE_S, max(1.0, pause[child] * 2))
                wait[child] = pause[child]
