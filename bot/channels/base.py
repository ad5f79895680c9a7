"""What a channel is: from a service's payload to messages, from a reply to its payloads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard, runtime_checkable

import httpx2
from starlette.types import ASGIApp

from bot.dialogue.events import Event
from bot.dialogue.messages import Message, Reply
from bot.errors import ParleyError
from bot.limits import Clients

if TYPE_CHECKING:
    from bot.running import Running


class Refused(ParleyError):
    """A delivery does not prove that it comes from the channel's service."""

    status = 403
    reason = "Refused"


class Unproven(Refused):
    """A delivery lacks the proof that the channel is set to ask for, or has a wrong one."""

    status = 401
    reason = "NotAuthenticated"


class Undeliverable(ParleyError):
    """A service said that it will never take this reply."""

    status = 502
    reason = "Undeliverable"


History = Callable[[str], Awaitable[Sequence[Event]]]
"""Every event of a conversation, oldest first."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request of a service to the channel's webhook. Names of headers are in lower case."""

    body: bytes
    headers: Mapping[str, str]
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Visitors:
    """How visitors of the chat page are known again: keys for their tickets, the first of which
    signs (none: one of this process); how long a ticket is good for; until when (seconds since the
    epoch) a conversation that a page began without a ticket may be taken up without one."""

    keys: Sequence[str] = ()
    days: float = 90.0
    adopt_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a channel is opened: what every channel may use.

    ``origins`` are the pages elsewhere that may call; ``most_chars`` the longest message;
    ``visitors`` how visitors are known.
    """

    client: httpx2.AsyncClient
    most_chars: int = 20_000
    origins: Sequence[str] = ()
    visitors: Visitors = Visitors()


class OpenChannel(Protocol):
    """What ``plugins.find("channels", name)`` gives: opens a channel.

    ``credentials`` are what credentials.yml has under the channel's name.
    """

    def __call__(self, credentials: Mapping[str, Any], place: Place) -> Channel: ...


class Channel(Protocol):
    """A messaging service's adapter. Everything here is pure."""

    @property
    def name(self) -> str:
        """Under which it is mounted: ``/webhooks/<name>/webhook``."""
        ...

    def verify(self, delivery: Delivery) -> None:
        """Raises Refused unless ``delivery`` comes from whom it says."""
        ...

    def parse(self, delivery: Delivery) -> Sequence[Message]:
        """The messages of users in ``delivery``, oldest first. Raises BadRequest."""
        ...

    def render(self, reply: Reply) -> Sequence[Mapping[str, Any]]:
        """The payloads that say ``reply``, in order."""
        ...


@runtime_checkable
class Begins(Protocol):
    """A channel that has something to tell its service when the server starts."""

    async def begin(self) -> None:
        """Tell it. Raises Unavailable to be called again later."""
        ...


@runtime_checkable
class Recalls(Protocol):
    """A channel whose deliveries may refer to what the bot has said."""

    async def recall(self, message: Message, delivery: Delivery, history: History) -> Message:
        """``message`` of ``delivery`` with what it refers to."""
        ...


@runtime_checkable
class Acknowledges(Protocol):
    """A channel whose service reads the answer to a delivery."""

    def acknowledge(self, delivery: Delivery) -> Mapping[str, Any] | None:
        """The answer, once the messages are accepted; None is the usual one."""
        ...


@runtime_checkable
class Serves(Protocol):
    """A channel that clients stay connected to, under a path of its own instead of a webhook."""

    @property
    def path(self) -> str:
        """Where clients connect, such as ``/socket.io``."""
        ...

    def serve(self, running: Running) -> AbstractAsyncContextManager[ASGIApp]:
        """What is mounted there while the server runs."""
        ...


def recalls(channel: Channel) -> TypeGuard[Recalls]:
    """Whether ``channel`` is one; every message asks, and to look is slow."""
    return _recalls(type(channel))


@cache
def _recalls(kind: type[Channel]) -> bool:
    return issubclass(kind, Recalls)


def clients_of(channel: Channel) -> Clients | None:
    """Who writes to ``channel``, as its ``clients`` says: ``anybody``, or only who is ``known`` by
    a token, and both no more than the limits allow. None for a service that ``verify`` knows.
    """
    clients: Clients | None = getattr(channel, "clients", None)
    return clients


def parts(reply: Reply) -> list[dict[str, Any]]:
    """``reply`` in the pieces and the order of Rasa's REST channel.

    Text (split at blank lines unless buttons go with it), custom, image, attachment, then each
    element as a text of its own. Quick replies are sent as buttons.
    """
    said: list[dict[str, Any]] = []
    if buttons := reply.quick_replies or reply.buttons:
        said.append({"text": reply.text or "", "buttons": list(buttons)})
    elif reply.text:
        said += [{"text": part} for part in reply.text.strip().split("\n\n")]
    if reply.custom:
        said.append({"custom": reply.custom})
    if reply.image:
        said.append({"image": reply.image})
    if reply.attachment and reply.attachment != reply.image:  # Rasa's events repeat the image there
        said.append({"attachment": reply.attachment})
    for element in reply.elements:
        text = f"{element.get('title', '')} : {element.get('subtitle', '')}"
        said.append({"text": text, "buttons": element.get("buttons", [])})
    return [{"recipient_id": reply.recipient_id, **part} for part in said]
