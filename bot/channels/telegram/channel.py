"""The channel: updates come to the webhook, replies go out as calls of the Bot API."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import httpx2
import msgspec
import structlog

from bot.channels.base import Delivery, History, Place, Refused, Undeliverable
from bot.channels.telegram.buttons import is_handle, payload_of, title_of
from bot.channels.telegram.rendering import Call, calls
from bot.channels.telegram.updates import message_of
from bot.dialogue.messages import Message, Reply
from bot.door import read_json
from bot.errors import ParleyError, SettingsError, Unavailable
from bot.reply import Doubtful, Slower

API = "https://api.telegram.org"
SECRET = "x-telegram-bot-api-secret-token"
UPDATES = ("message", "edited_message", "callback_query")
CALL_S = 10.0
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")

log = structlog.get_logger(__name__)


class Credentials(msgspec.Struct, frozen=True):
    """What credentials.yml has under ``telegram``; the first three are Rasa's.

    ``verify`` is the bot's user name. Updates are believed that carry one of ``secret_token``; the
    first is told to Telegram, and without any it is derived from ``access_token``.
    """

    access_token: str
    verify: str = ""
    webhook_url: str = ""
    secret_token: tuple[str, ...] = ()
    attachment_intent: str = ""
    api_url: str = API

    @property
    def secrets(self) -> tuple[str, ...]:
        derived = hmac.new(self.access_token.encode(), b"parley webhook", sha256).hexdigest()
        return self.secret_token or (derived,)


class TelegramChannel:
    """A bot of Telegram."""

    name = "telegram"
    may_repeat = False  # the Bot API does not recognise a repeat

    def __init__(
        self, credentials: Credentials, client: httpx2.AsyncClient, *, most_chars: int = 20_000
    ) -> None:
        self._credentials = credentials
        self._client = client
        self._most_chars = most_chars

    def verify(self, delivery: Delivery) -> None:
        given = delivery.headers.get(SECRET, "").encode()
        # All are compared, so that the time taken tells nothing.
        fits = [hmac.compare_digest(given, each.encode()) for each in self._credentials.secrets]
        if not any(fits):
            raise Refused(f"The header {SECRET} does not hold the webhook's secret.")

    def parse(self, delivery: Delivery) -> Sequence[Message]:
        message = message_of(
            read_json(delivery.body),
            bot=self._credentials.verify,
            attachment_intent=self._credentials.attachment_intent,
            most_chars=self._most_chars,
        )
        return () if message is None else (message,)

    async def recall(self, message: Message, delivery: Delivery, history: History) -> Message:
        """``message`` with the payload of the pressed button; its title, where that is gone."""
        match read_json(delivery.body):
            case {"callback_query": {"message": Mapping() as sent}} if is_handle(message.text):
                found = payload_of(message.text, await history(message.conversation_id))
                if found is None:
                    found = title_of(message.text, sent) or ""
                return msgspec.structs.replace(message, text=found)
        return message

    def acknowledge(self, delivery: Delivery) -> Mapping[str, Any] | None:
        """The answer to the delivery: a pressed button stops blinking."""
        match read_json(delivery.body):
            case {"callback_query": {"id": str(query)}}:
                return {"method": "answerCallbackQuery", "callback_query_id": query}
        return None

    async def begin(self) -> None:
        """Tell Telegram where updates go and with which secret; telling it twice does no harm."""
        if not self._credentials.webhook_url:
            return
        told = {
            "method": "setWebhook",
            "url": self._credentials.webhook_url,
            "secret_token": self._credentials.secrets[0],
            "allowed_updates": list(UPDATES),
        }
        try:
            await self._call(told)
        except Doubtful as error:
            raise Unavailable(str(error)) from error

    def reaches(self, reply: Reply) -> bool:
        return True

    def render(self, reply: Reply) -> Sequence[Call]:
        return calls(reply)

    async def send(self, reply: Reply, part: Call) -> None:
        await self._call(part)

    async def _call(self, call: Call) -> None:
        method = call["method"]
        url = f"{self._credentials.api_url}/bot{self._credentials.access_token}/{method}"
        body = {key: value for key, value in call.items() if key != "method"}
        # The address holds the token: it must be in no error and no log.
        try:
            answer = await self._client.post(url, json=body, timeout=CALL_S)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise Unavailable(f"telegram cannot be reached: {type(error).__name__}.") from None
        except httpx2.HTTPError as error:
            raise Doubtful(f"telegram: {method} had no answer: {type(error).__name__}.") from None
        if not answer.is_success:
            raise _error(method, answer)


def _error(method: str, answer: httpx2.Response) -> ParleyError:
    try:
        told = msgspec.json.decode(answer.content)
    except msgspec.DecodeError:
        told = {}
    told = told if isinstance(told, dict) else {}
    sentence = f"telegram: {method}: {answer.status_code} {told.get('description', '')}".rstrip()
    if answer.status_code == 429:
        match told.get("parameters"):
            case {"retry_after": int() | float() as seconds}:
                return Slower(f"{sentence}.", seconds)
        return Unavailable(f"{sentence}.")
    if answer.status_code >= 500:
        return Doubtful(f"{sentence}.")
    return Undeliverable(f"{sentence}.")


def open_telegram(credentials: Mapping[str, Any], place: Place) -> TelegramChannel:
    """The channel as credentials.yml has it. Raises SettingsError."""
    values = dict(credentials)
    if isinstance(values.get("secret_token"), str):
        values["secret_token"] = [values["secret_token"]]
    try:
        read = msgspec.convert(values, Credentials)
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"credentials.yml: telegram: {error}. It has access_token, and may have verify, "
            "webhook_url, secret_token, attachment_intent and api_url."
        ) from error
    if not read.access_token:
        raise SettingsError("credentials.yml: telegram: access_token is empty.")
    for secret in read.secret_token:
        if not _SECRET.fullmatch(secret):
            raise SettingsError(
                "credentials.yml: telegram: a secret_token has 1 to 256 of A-Z, a-z, 0-9, _ and -."
            )
    return TelegramChannel(read, place.client, most_chars=place.most_chars)
