"""One task at a time for each conversation, and those who wait for what it gives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from bot.dialogue.messages import Reply

Answer = tuple[Reply, ...] | None  # None: it will not come from here
Met = Callable[[], bool]


def _never() -> bool:
    return False


class Errands:
    """At most one task for each conversation; asked again meanwhile, it does its work once more."""

    def __init__(self, group: asyncio.TaskGroup, work: Callable[[str], Awaitable[None]]) -> None:
        self._group = group
        self._work = work
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._again: dict[str, list[Met]] = {}

    def start(self, conversation_id: str, *, unless: Met = _never) -> None:
        """See to it that the work is done from the beginning after now.

        ``unless`` tells whether what is under way did it on its way, so that it need not be.
        """
        if conversation_id in self._tasks:
            self._again.setdefault(conversation_id, []).append(unless)
        else:
            self._tasks[conversation_id] = self._group.create_task(self._run(conversation_id))

    def is_asked_again(self, conversation_id: str) -> bool:
        """Whether the work will be done once more."""
        return not all(met() for met in self._again.get(conversation_id, ()))

    async def close(self, patience_s: float) -> None:
        """Let what runs end, then cancel it."""
        if self._tasks:
            _, late = await asyncio.wait(list(self._tasks.values()), timeout=patience_s)
            for task in late:
                task.cancel()

    async def _run(self, conversation_id: str) -> None:
        try:
            await self._work(conversation_id)
            while asked := self._again.pop(conversation_id, None):
                if not all(met() for met in asked):
                    await self._work(conversation_id)
        finally:
            del self._tasks[conversation_id]
            self._again.pop(conversation_id, None)

    def __contains__(self, conversation_id: str) -> bool:
        return conversation_id in self._tasks

    def __len__(self) -> int:
        return len(self._tasks)


class Waiters:
    """Who waits here for the replies to a message."""

    def __init__(self) -> None:
        self._waiting: dict[str, dict[int, list[asyncio.Future[Answer]]]] = {}
        self._many = 0

    @contextmanager
    def wait(self, conversation_id: str, inbox_id: int) -> Iterator[asyncio.Future[Answer]]:
        """What will be told of the message; None when somebody else must be asked."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        messages = self._waiting.setdefault(conversation_id, {})
        futures = messages.setdefault(inbox_id, [])
        futures.append(future)
        self._many += 1
        try:
            yield future
        finally:
            self._many -= 1
            futures.remove(future)
            if not futures:
                del messages[inbox_id]
            if not messages:
                del self._waiting[conversation_id]

    def tell(self, conversation_id: str, inbox_id: int, answer: Answer) -> None:
        """Give ``answer`` to who waits for it."""
        for future in self._waiting.get(conversation_id, {}).get(inbox_id, ()):
            if not future.done():
                future.set_result(answer)

    def refuse(self, conversation_id: str, error: Exception) -> None:
        """Give ``error`` to who waits for anything of the conversation."""
        for futures in self._waiting.get(conversation_id, {}).values():
            for future in futures:
                if not future.done():
                    future.set_exception(error)

    def look_elsewhere(self, conversation_id: str) -> None:
        """Nobody here works on the conversation any more."""
        for inbox_id in self._waiting.get(conversation_id, ()):
            self.tell(conversation_id, inbox_id, None)

    def of(self, conversation_id: str) -> int:
        """How many wait for messages of the conversation."""
        return sum(map(len, self._waiting.get(conversation_id, {}).values()))

    def __len__(self) -> int:
        return self._many
