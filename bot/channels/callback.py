"""Rasa's callback channel: a message is posted, its answers are posted to an URL of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx2

from bot.channels.base import Delivery, Place, Undeliverable
from bot.channels.rest import RestChannel
from bot.channels.tokens import Tokens, tokens_of
from bot.dialogue.messages import Message, Reply
from bot.errors import SettingsError, Unavailable
from bot.limits import Clients
from bot.reply import Slower

TIMEOUT_S = 10.0


class CallbackChannel:
    """Parses as the REST channel does; each part of a reply is one POST to ``url``."""

    name = "callback"
    may_repeat = True

    def __init__(
        self,
        url: str,
        client: httpx2.AsyncClient,
        *,
        most_chars: int = 20_000,
        tokens: Tokens | None = None,
    ) -> None:
        self._url = url
        self._host = httpx2.URL(url).host  # what errors say: the rest may hold a secret
        self._client = client
        self._rest = RestChannel(
            self.name, output_channel=self.name, most_chars=most_chars, tokens=tokens
        )

    @property
    def clients(self) -> Clients:
        """As of the REST channel."""
        return self._rest.clients

    def verify(self, delivery: Delivery) -> None:
        """As the REST channel does. Raises Unproven."""
        self._rest.verify(delivery)

    def parse(self, delivery: Delivery) -> Sequence[Message]:
        return self._rest.parse(delivery)

    def reaches(self, reply: Reply) -> bool:
        return True

    def render(self, reply: Reply) -> Sequence[dict[str, Any]]:
        return self._rest.render(reply)

    async def send(self, reply: Reply, part: Mapping[str, Any]) -> None:
        try:
            answer = await self._client.post(self._url, json=part, timeout=TIMEOUT_S)
        except httpx2.HTTPError as error:
            raise Unavailable(
                f"callback: {self._host} cannot be reached: {type(error).__name__}."
            ) from error
        if answer.status_code == 429 and (seconds := _seconds(answer)) is not None:
            raise Slower(f"callback: {self._host} answered 429.", seconds)
        if answer.status_code >= 500 or answer.status_code == 429:
            raise Unavailable(f"callback: {self._host} answered {answer.status_code}.")
        if not answer.is_success:
            raise Undeliverable(f"callback: {self._host} answered {answer.status_code}.")


def _seconds(answer: httpx2.Response) -> float | None:
    """What ``Retry-After`` says in seconds (RFC 9110, 10.2.3); a date there is passed over."""
    said = answer.headers.get("retry-after", "")
    return float(said) if said.isdecimal() else None


def open_callback(credentials: Mapping[str, Any], place: Place) -> CallbackChannel:
    """The channel as credentials.yml has it. Raises SettingsError."""
    url = credentials.get("url")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise SettingsError(
            f"credentials.yml: callback has url {url!r}; write the http:// or https:// address "
            "that replies are posted to."
        )
    tokens = tokens_of("callback", credentials)
    return CallbackChannel(url, place.client, most_chars=place.most_chars, tokens=tokens)
