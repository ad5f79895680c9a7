"""A project's own actions, run by any rasa-sdk action server over HTTP."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import httpx2
import msgspec

from bot.actions.base import ActionAnswer
from bot.dialogue.domain import Domain
from bot.dialogue.events import Event
from bot.dialogue.tracker import Tracker
from bot.errors import ActionFailed, ActionRejected
from bot.project.project import Endpoint

SDK_VERSION = "3.21.1"  # of the protocol: what the request calls itself
CALL_ID_HEADER = "Idempotency-Key"
MOST_BYTES = 8 * 1024 * 1024


class _Body(msgspec.Struct, frozen=True):
    """The answer of an action server, its events as written."""

    events: list[dict[str, Any]] | None = None
    responses: tuple[dict[str, Any], ...] | None = None


class RemoteActions:
    """An action server. Usable as ``async with``; closes its connections.

    Args:
        endpoint: Where it is, from endpoints.yml; None when the project names none.
        transport: Replaces the network, in tests.
    """

    def __init__(
        self, endpoint: Endpoint | None, *, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        self._endpoint = endpoint
        self._client = httpx2.AsyncClient(
            transport=transport,
            timeout=endpoint.timeout_s if endpoint else 10.0,
            headers=endpoint.headers if endpoint else None,
            auth=endpoint.basic_auth if endpoint else None,
            params={"token": endpoint.token} if endpoint and endpoint.token else None,
        )

    async def __aenter__(self) -> RemoteActions:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def run(
        self, action: str, tracker: Tracker, domain: Domain, *, call_id: str
    ) -> ActionAnswer:
        """Run ``action`` there. The header Idempotency-Key carries ``call_id``."""
        if self._endpoint is None:
            raise ActionFailed(
                f"Action {action!r} needs an action server, and the project names none. "
                "Write action_endpoint with its url into endpoints.yml."
            )
        whole = self._wants_domain(action, domain)
        response = await self._post(action, tracker, domain if whole else None, call_id)
        if response.status_code == 449:  # it wants the domain after all
            response = await self._post(action, tracker, domain, call_id)
        return _answer(action, response)

    def _wants_domain(self, action: str, domain: Domain) -> bool:
        if self._endpoint is None or not self._endpoint.selective_domain:
            return True
        return action in domain.send_domain or action.startswith("validate_")

    async def _post(
        self, action: str, tracker: Tracker, domain: Domain | None, call_id: str
    ) -> httpx2.Response:
        assert self._endpoint is not None
        call = {
            "next_action": action,
            "sender_id": tracker.conversation_id,
            "tracker": tracker.state(),
            "version": SDK_VERSION,
        }
        if domain is not None:
            call["domain"] = domain.raw
        headers = {"Content-Type": "application/json", CALL_ID_HEADER: _ascii(call_id)}
        try:
            return await self._client.post(
                self._endpoint.url, content=_encode(call), headers=headers
            )
        except httpx2.TimeoutException as late:
            raise ActionFailed(
                f"Action {action!r}: {self._endpoint.url} gave no answer within "
                f"{self._endpoint.timeout_s:g} s."
            ) from late
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ActionFailed(
                f"Action {action!r}: {self._endpoint.url} cannot be reached ({error})."
            ) from error


def _encode(call: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(call)
    except UnicodeEncodeError:  # a lone surrogate somewhere in a slot or a text
        return msgspec.json.encode(_well_formed(call))


def _well_formed(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "replace").decode()
        case dict():
            return {_well_formed(key): _well_formed(item) for key, item in value.items()}
        case list() | tuple():
            return [_well_formed(item) for item in value]
        case _:
            return value


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode().replace("\n", " ").replace("\r", " ")


def _answer(action: str, response: httpx2.Response) -> ActionAnswer:
    if response.status_code == 400:
        raise ActionRejected(f"Action {action!r} declined to run: {_error(response)}")
    if response.status_code == 404:
        raise ActionFailed(
            f"Action {action!r} is unknown to the action server at {_place(response.url)}. "
            "Register it there, or take it out of the domain."
        )
    if response.status_code != 200:
        raise ActionFailed(
            f"Action {action!r}: the action server answered {response.status_code}: "
            f"{_error(response)}"
        )
    if len(response.content) > MOST_BYTES:
        raise ActionFailed(
            f"Action {action!r}: the answer has {len(response.content)} bytes; "
            f"at most {MOST_BYTES} are read."
        )
    try:
        body = msgspec.json.decode(response.content, type=_Body)
        events = msgspec.convert([_completed(each) for each in body.events or ()], list[Event])
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise ActionFailed(
            f"Action {action!r}: the action server's answer should be an object with the keys "
            f"events and responses, of events that Rasa 3 knows: {wrong}."
        ) from wrong
    return ActionAnswer(tuple(events), body.responses or ())


def _completed(event: dict[str, Any]) -> dict[str, Any]:
    """``event`` with what actions leave out of a user's message: text, offsets of entities."""
    parse = event.get("parse_data")
    if event.get("event") != "user" or not isinstance(parse, dict):
        return event
    entities = parse.get("entities") or ()
    if isinstance(entities, list) and all(isinstance(each, dict) for each in entities):
        parse = {**parse, "entities": [{"start": 0, "end": 0, **each} for each in entities]}
    return {**event, "parse_data": {"text": event.get("text") or "", **parse}}


def _place(url: httpx2.URL) -> str:
    return str(url.copy_with(query=None, username=None, password=None))


def _error(response: httpx2.Response) -> str:
    try:
        found = msgspec.json.decode(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return response.text[:200]
    if isinstance(found, dict):
        return str(found.get("error") or found.get("message") or found)[:200]
    return str(found)[:200]
