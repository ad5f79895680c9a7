"""A project's own actions, run by any rasa-sdk action server over HTTP."""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from types import TracebackType
from typing import Any, TypeVar

import httpx2
import msgspec
import structlog

from bot.actions.base import ActionAnswer
from bot.actions.protocol import MOST_BYTES, SDK_VERSION, ask, encode, read_answer
from bot.dialogue.domain import Domain
from bot.dialogue.tracker import Tracker
from bot.errors import ActionFailed, ActionRejected, SettingsError
from bot.outgoing import trust
from bot.places import Places, away
from bot.project.project import Endpoint

CALL_ID_HEADER = "Idempotency-Key"
CONNECT_S = 5.0
AT_ONCE = 64  # calls of one server
MOST_IN_LINE = 4  # times as many wait
CALL_AGAIN_S = (0.1, 0.4)  # after a refused connection: nothing was sent, nothing can have run
IDLE_S = 2.0  # below the 5 s after which rasa-sdk 3.6 closes an idle connection
DIGEST_FROM_BYTES = 16 * 1024  # a smaller domain costs less than finding out who keeps one
WANTS_DOMAIN = 449
_LONG_WORK_BYTES = 64 * 1024  # more than this is decoded and compressed off the event loop

log = structlog.get_logger(__name__)

Worked = TypeVar("Worked")


@dataclass(frozen=True, slots=True)
class _Written:
    """A domain, its JSON and the digest that stands for it."""

    domain: Domain
    json: msgspec.Raw
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came back, as far as it is read: little more than ``MOST_BYTES``."""

    status: int
    body: bytes


class RemoteActions:
    """An action server. Usable as ``async with``; closes its connections.

    Args:
        endpoint: Where it is, from endpoints.yml; None when the project names none.
        compress: Whether to send zlib-compressed requests, which rasa-sdk reads.
        call_again_s: How long to wait before each further try of a refused connection.
        at_once: Calls at the same time; others wait for theirs, and more than four times as many
            fail at once: then a slow server keeps turns waiting that need it, not all.
        transport: Replaces the network, in tests.

    A large domain is sent once to a server that keeps it (newer rasa-sdk) and then named by
    its digest; every other server gets it with each call. Raises SettingsError for a cafile that
    cannot be read; reads files, so make it outside the event loop.
    """

    def __init__(
        self,
        endpoint: Endpoint | None,
        *,
        compress: bool = False,
        call_again_s: Sequence[float] = CALL_AGAIN_S,
        at_once: int = AT_ONCE,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._compress = compress
        self._call_again_s = call_again_s
        self._at_once = at_once
        self._calls = Places(at_once)
        self._client = httpx2.AsyncClient(
            transport=transport,
            verify=verify(endpoint),
            timeout=httpx2.Timeout(None, connect=CONNECT_S),  # `run` bounds the whole
            limits=httpx2.Limits(max_keepalive_connections=20, keepalive_expiry=IDLE_S),
            headers={"Accept-Encoding": "identity", **(endpoint.headers if endpoint else {})},
            auth=endpoint.basic_auth if endpoint else None,
            params={"token": endpoint.token} if endpoint and endpoint.token else None,
        )
        self._written: _Written | None = None
        self._keeps_domains: bool | None = None  # None: not known yet
        self._sent_digest: str | None = None  # of the domain it was given last
        self._finding_out = asyncio.Lock()

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
        endpoint = self._endpoint
        if endpoint is None:
            raise ActionFailed(
                f"Action {action!r} needs an action server, and the project names none. "
                "Write action_endpoint with its url into endpoints.yml."
            )
        if self._calls.waiting >= MOST_IN_LINE * self._at_once:
            raise ActionFailed(
                f"Action {action!r}: too many calls wait for {endpoint.url} already, which is slow."
            )
        try:
            async with away(), asyncio.timeout(endpoint.timeout_s), self._calls.place():
                answer = await self._patiently(action, tracker, domain, call_id)
        except (TimeoutError, httpx2.TimeoutException) as late:
            raise ActionFailed(
                f"Action {action!r}: {endpoint.url} gave no answer within {endpoint.timeout_s:g} s."
            ) from late
        except (httpx2.ConnectError, httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            raise ActionFailed(
                f"Action {action!r}: {endpoint.url} cannot be reached ({error})."
            ) from error
        except httpx2.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise ActionFailed(
                f"Action {action!r}: {endpoint.url} broke off ({reason}). It may have run."
            ) from error
        return await _understood(action, answer, endpoint.url)

    async def _patiently(
        self, action: str, tracker: Tracker, domain: Domain, call_id: str
    ) -> _Answer:
        """Ask again, but only where a connection was refused: then nothing can have run."""
        for wait_s in self._call_again_s:
            try:
                return await self._ask(action, tracker, domain, call_id)
            except httpx2.ConnectError as error:
                self._keeps_domains = None  # who comes up there next may be another
                log.info("action.again", action=action, error=str(error), in_s=wait_s)
                await asyncio.sleep(wait_s)
        return await self._ask(action, tracker, domain, call_id)

    # The domain: with each call, or once

    async def _ask(self, action: str, tracker: Tracker, domain: Domain, call_id: str) -> _Answer:
        written = self._writing(domain)
        if not self._wants_domain(action, domain):
            digest = written.digest if self._keeps_domains else None
            answer = await self._post(ask(action, tracker, None, digest), call_id)
        elif await self._keeps(action, written) and self._sent_digest == written.digest:
            answer = await self._post(ask(action, tracker, None, written.digest), call_id)
        else:
            return await self._ask_with_domain(action, tracker, written, call_id)
        if answer.status != WANTS_DOMAIN:
            return answer
        self._keeps_domains = True  # who asks for it keeps it
        return await self._ask_with_domain(action, tracker, written, call_id)

    async def _ask_with_domain(
        self, action: str, tracker: Tracker, written: _Written, call_id: str
    ) -> _Answer:
        digest = written.digest if self._keeps_domains else None
        answer = await self._post(ask(action, tracker, written.json, digest), call_id)
        self._sent_digest = digest
        return answer

    def _wants_domain(self, action: str, domain: Domain) -> bool:
        if self._endpoint is None or not self._endpoint.selective_domain:
            return True
        return action in domain.send_domain or action.startswith("validate_")

    def _writing(self, domain: Domain) -> _Written:
        if self._written is None or self._written.domain is not domain:
            json = encode(domain.raw)
            self._written = _Written(domain, msgspec.Raw(json), len(json), sha256(json).hexdigest())
        return self._written

    async def _keeps(self, action: str, written: _Written) -> bool:
        """Whether the server keeps domains; found out once, for a domain that is worth it."""
        if self._keeps_domains is None and written.size >= DIGEST_FROM_BYTES:
            async with self._finding_out:
                if self._keeps_domains is None:
                    self._keeps_domains = await self._asks_for_domains(action, written.digest)
        return bool(self._keeps_domains)

    async def _asks_for_domains(self, action: str, digest: str) -> bool:
        """Whether it answers 449 to a digest it cannot know.

        rasa-sdk 3.6 would run the action without a domain, so the question carries no tracker:
        there it ends in an error before the action. Only who lists the action is asked at all,
        so that no server of another make takes the question for a call.
        """
        assert self._endpoint is not None
        listing = self._endpoint.url.removesuffix("/webhook") + "/actions"
        names = (await self._send("GET", listing)).body
        if listing == f"{self._endpoint.url}/actions" or f'"{action}"'.encode() not in names:
            return False
        question = {"next_action": action, "tracker": None, "domain_digest": f"not {digest}"}
        answer = await self._post(encode({**question, "version": SDK_VERSION}), "")
        return answer.status == WANTS_DOMAIN

    # One request

    async def _post(self, body: bytes, call_id: str) -> _Answer:
        assert self._endpoint is not None
        headers = {"Content-Type": "application/json"}
        if call_id:
            headers[CALL_ID_HEADER] = _ascii(call_id)
        if self._compress:
            body = await _off_loop(partial(zlib.compress, level=1), body)
            headers["Content-Encoding"] = "deflate"
        return await self._send("POST", self._endpoint.url, content=body, headers=headers)

    async def _send(self, method: str, url: str, **request: Any) -> _Answer:
        async with self._client.stream(method, url, **request) as response:
            encoding = response.headers.get("Content-Encoding", "identity")
            if encoding != "identity":  # it could grow without end when decoded
                raise ActionFailed(f"{url} answered in {encoding!r}, which it was not asked for.")
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MOST_BYTES:
                    break
            return _Answer(response.status_code, bytes(body))


async def _understood(action: str, answer: _Answer, url: str) -> ActionAnswer:
    """What ``answer`` says was done. Raises ActionRejected and ActionFailed."""
    if answer.status == 200:
        return await _off_loop(partial(read_answer, action), answer.body)
    error = _error(answer.body)
    if answer.status == 400 and error.action_name is not None:
        raise ActionRejected(f"Action {action!r} declined to run: {error.shown}")
    if answer.status == 404:
        raise ActionFailed(
            f"Action {action!r} is unknown to the action server at {_place(url)}. "
            "Register it there, or take it out of the domain."
        )
    raise ActionFailed(
        f"Action {action!r}: the action server answered {answer.status}: {error.shown}"
    )


class _Error(msgspec.Struct, frozen=True):
    """What rasa-sdk writes when it did not run an action."""

    error: Any = None
    action_name: str | None = None
    message: Any = None
    shown: str = ""


def _error(body: bytes) -> _Error:
    try:
        found = msgspec.json.decode(body, type=_Error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Error(shown=body[:200].decode(errors="replace"))
    shown = str(found.error or found.message or body[:200].decode(errors="replace"))
    return msgspec.structs.replace(found, shown=shown[:200])


async def _off_loop(work: Callable[[bytes], Worked], data: bytes) -> Worked:
    """``work(data)``, in a thread when there is much of it."""
    if len(data) < _LONG_WORK_BYTES:
        return work(data)
    return await asyncio.to_thread(work, data)


def verify(endpoint: Endpoint | None, name: str = "action_endpoint") -> ssl.SSLContext:
    """How the certificate of ``endpoint``, ``name`` in endpoints.yml, is checked. Reads a file."""
    if endpoint is None or not endpoint.cafile:
        return trust()
    try:
        return ssl.create_default_context(cafile=endpoint.cafile)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"endpoints.yml: the cafile of {name}, {endpoint.cafile}, cannot be read as "
            f"certificates: {error}."
        ) from error


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode().replace("\n", " ").replace("\r", " ")


def _place(url: str) -> str:
    return str(httpx2.URL(url).copy_with(query=None, username=None, password=None))
