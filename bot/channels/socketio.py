"""Rasa's socketio channel, which its web widgets speak: events to messages, replies to events.

The connections themselves are served by ``bot.channels.sockets``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from starlette.types import ASGIApp

from bot.channels.base import Delivery, Place, Refused, Unproven
from bot.channels.rest import MOST_ID_CHARS, not_a_visitor
from bot.channels.sockets import Sockets, serve
from bot.channels.tokens import Tokens, tokens_of
from bot.dialogue.messages import Message, Reply
from bot.door import WrongShape, checked, is_of, read_json
from bot.errors import BadRequest, SettingsError
from bot.reply import Absent

if TYPE_CHECKING:
    from bot.people.tokens import Signers
    from bot.running import Running

BEARER = "Bearer "
log = structlog.get_logger(__name__)

Method = Literal["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]


class Options(BaseModel):
    """What credentials.yml may say of the channel, under Rasa's names."""

    model_config = ConfigDict(frozen=True)

    user_message_evt: str = Field("user_uttered", min_length=1)
    bot_message_evt: str = Field("bot_uttered", min_length=1)
    namespace: str = "/"
    session_persistence: bool = False
    socketio_path: str = "/socket.io"
    jwt_key: tuple[str, ...] = ()  # any of them is believed
    jwt_method: Method = "HS256"
    metadata_key: str = "metadata"

    @field_validator("*", mode="before")
    @classmethod
    def _absent(cls, value: Any, info: Any) -> Any:
        return cls.model_fields[info.field_name].get_default() if value is None else value

    @field_validator("jwt_key", mode="before")
    @classmethod
    def _one_or_more(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("namespace", "socketio_path")
    @classmethod
    def _path(cls, value: str) -> str:
        return "/" + value.strip("/")


class Said(BaseModel):
    """What a page sends with a user's message."""

    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True)

    message: str | None = None
    session_id: str = Field("", max_length=MOST_ID_CHARS)
    message_id: str = Field("", max_length=MOST_ID_CHARS)

    @field_validator("session_id", "message_id", mode="before")
    @classmethod
    def _absent(cls, value: Any) -> Any:
        return "" if value is None else value


class SocketioChannel:
    """Socket.IO, as Rasa's web widgets speak it.

    A conversation is the page's ``session_id`` with ``session_persistence``, else its connection.

    Args:
        options: What credentials.yml says.
        origins: Of pages elsewhere that may connect; ``*`` for any.
        most_chars: Of a message.
        tokens: What pages show when they connect.

    Raises SettingsError for a key that is none.
    """

    name = "socketio"
    may_repeat = True

    def __init__(
        self,
        options: Options,
        *,
        origins: Sequence[str] = (),
        most_chars: int = 20_000,
        tokens: Tokens | None = None,
    ) -> None:
        self.options = options
        self._tokens = tokens or Tokens()
        self._origins = origins
        self._most_chars = most_chars
        self._signers = _signers(options) if options.jwt_key else None
        self.sockets = Sockets(namespace=options.namespace, event=options.bot_message_evt)

    @property
    def path(self) -> str:
        """Where pages connect."""
        return self.options.socketio_path

    def serve(self, running: Running) -> AbstractAsyncContextManager[ASGIApp]:
        """What is mounted there."""
        return serve(self, running)

    def verify(self, delivery: Delivery) -> None:
        """A browser says from which page it connects; a token proves the rest, where one is asked.

        The token of the connection's ``auth`` is what ``delivery`` has under ``token``: ours, or
        a JWT. Raises Refused.
        """
        origin = delivery.headers.get("origin")
        if origin is not None and not self._welcomes(origin, delivery.headers.get("host", "")):
            raise Refused(f"Pages of {origin} may not connect here; PARLEY_CORS lists who may.")
        given = delivery.query.get("token", "").removeprefix(BEARER)
        if (self._signers is None and not self._tokens) or self._tokens.has(given):
            return
        if self._signers is None:
            raise Unproven("Who connects here shows the channel's token: auth: {token: …}.")
        from bot.people.tokens import BadToken  # megabytes that most servers do without

        try:
            self._signers.claims(given)
        except BadToken as wrong:
            raise Refused(f"The connection's token is not accepted: {wrong}.") from wrong

    def _welcomes(self, origin: str, host: str) -> bool:
        """Whether a page of ``origin`` may connect to this server, which it calls ``host``."""
        if origin in self._origins or "*" in self._origins:
            return True
        return is_of(origin, host)

    def parse(self, delivery: Delivery) -> Sequence[Message]:
        """The message of a user's event; its connection is what ``delivery`` has as ``sid``."""
        try:
            said = Said.model_validate(read_json(delivery.body))
        except ValidationError as wrong:
            raise WrongShape(wrong.errors()) from wrong
        if not said.message:
            return ()
        metadata = (said.model_extra or {}).get(self.options.metadata_key) or {}
        if not isinstance(metadata, dict):
            raise BadRequest(f"{self.options.metadata_key} should be an object.")
        return (
            Message(
                self._conversation(said, delivery),
                checked(said.message, self._most_chars),
                channel=self.name,
                message_id=said.message_id,
                input_channel=self.name,
                output_channel=self.name,
                metadata=metadata,
            ),
        )

    def _conversation(self, said: Said, delivery: Delivery) -> str:
        if not self.options.session_persistence:
            return delivery.query["sid"]
        if not said.session_id:
            raise BadRequest("A message needs the session_id that session_confirm gave.")
        return not_a_visitor(said.session_id)

    def render(self, reply: Reply) -> Sequence[dict[str, Any]]:
        """What to emit, in the pieces and the order of Rasa's channel."""
        said: list[dict[str, Any]] = []
        texts = [{"text": part} for part in (reply.text or "").strip().split("\n\n")]
        if buttons := reply.quick_replies or reply.buttons:
            said += [{**text, "quick_replies": []} for text in texts]
            said[-1]["quick_replies"] = [_quick_reply(button) for button in buttons]
        elif reply.text:
            said += texts
        if reply.custom:
            said.append(_custom(reply.custom))
        if reply.image:
            said.append({"attachment": {"type": "image", "payload": {"src": reply.image}}})
        if reply.attachment and reply.attachment != reply.image:
            said.append({"attachment": reply.attachment})
        said += [_card(element) for element in reply.elements]
        return said

    def reaches(self, reply: Reply) -> bool:
        return bool(self.sockets.connected(reply.recipient_id))

    async def send(self, reply: Reply, part: Mapping[str, Any]) -> None:
        """Emit ``part`` to the conversation. Raises Absent when nobody is connected to it here."""
        if not await self.sockets.push(reply.recipient_id, part):
            raise Absent(f"Nobody is connected to conversation {reply.recipient_id!r}.")


def open_socketio(credentials: Mapping[str, Any], place: Place) -> SocketioChannel:
    """The channel as credentials.yml has it. Raises SettingsError."""
    for name in credentials.keys() - Options.model_fields.keys() - {"token"}:
        close = get_close_matches(str(name), Options.model_fields, 1)
        hint = f"did you mean {close[0]}?" if close else "it means nothing here."
        log.warning("socketio.unknown_setting", hint=f"credentials.yml: socketio: {name}: {hint}")
    try:
        options = Options.model_validate(dict(credentials))
    except ValidationError as wrong:
        raise SettingsError(f"credentials.yml: socketio: {WrongShape(wrong.errors())}") from None
    return SocketioChannel(
        options,
        origins=place.origins,
        most_chars=place.most_chars,
        tokens=tokens_of("socketio", credentials),
    )


def _signers(options: Options) -> Signers:
    from bot.people.tokens import BadKey, Signers, weakness  # as above

    try:
        signers = Signers(options.jwt_key, method=options.jwt_method)
    except BadKey as error:
        raise SettingsError(
            f"credentials.yml: socketio: jwt_key is no key for {options.jwt_method}: {error}. "
            "With RS256 and the like give the public key, in PEM."
        ) from error
    for key in options.jwt_key:
        if why := weakness(key, options.jwt_method):
            log.warning("socketio.weak_key", hint=f"credentials.yml: socketio: jwt_key: {why}")
    return signers


def _quick_reply(button: Mapping[str, Any]) -> dict[str, Any]:
    title = button.get("title")
    return {"content_type": "text", "title": title, "payload": button.get("payload", title)}


def _custom(custom: Any) -> Any:
    """What Rasa emits of a custom map is what it has under ``data``; without it, all of it."""
    return custom["data"] if isinstance(custom, dict) and "data" in custom else custom


def _card(element: Mapping[str, Any]) -> dict[str, Any]:
    template = {"template_type": "generic", "elements": element}
    return {"attachment": {"type": "template", "payload": template}}
