"""Every route of a running server, as its own description says and otherwise: no server error.

Schemathesis makes the requests out of `/openapi.json`, half of them against the description.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode

from tests.command import Run, running, write
from tests.fuzz.budget import fuzz
from tests.fuzz.values import NASTY

pytestmark = pytest.mark.services

TOKEN = "t" * 32
# Trainings and trials are children that take long: `tests/unit/api/test_fuzz.py` has their bodies.
# Without a model every other route answers 409.
LEFT_OUT = {
    ("POST", "/model/train"),
    ("POST", "/model/test/stories"),
    ("POST", "/model/test/intents"),
    ("DELETE", "/model"),
}
AWAY = ("PUT", "/model")  # 503: the model server that the request names is not there
TRIES = 3  # of a request that is told to come again: a busy machine's Redis may be late


@pytest.fixture(scope="module", params=["no auth", "auth"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A server of its own, that asks for a token or does not."""
    folder = tmp_path_factory.mktemp("fuzz")
    variables = {"PARLEY_RESPONSE_TIMEOUT_S": "10"}
    if request.param == "auth":
        variables["PARLEY_AUTH_TOKEN"] = TOKEN
    credentials = "rest:\ncallback: {url: 'http://127.0.0.1:9'}\nsocketio:\n"
    project = write(folder / "project", **{"credentials.yml": credentials})
    with running(project, folder / "home", variables) as run:
        run.asks = request.param == "auth"  # type: ignore[attr-defined]
        yield run


def cases(run: Run) -> list[tuple[str, st.SearchStrategy[Case]]]:
    """Requests to each route, by its name."""
    schema = schemathesis.openapi.from_url(f"{run.url}openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    return [
        (
            f"{one.method.upper()} {one.path}",
            one.as_strategy(GenerationMode.POSITIVE) | one.as_strategy(GenerationMode.NEGATIVE),
        )
        for one in operations
        if (one.method.upper(), one.path) not in LEFT_OUT
    ]


def test_no_request_is_a_server_error(run: Run) -> None:
    asks = run.asks  # type: ignore[attr-defined]
    session = requests.Session()
    found = cases(run)
    assert len(found) > 20
    known = {"Authorization": f"Bearer {TOKEN}"} if asks else {}
    order = st.sampled_from([strategy for name, strategy in found])

    def check(example: tuple[Case, bool]) -> None:
        case, may = example
        headers = known if may else {}
        params = {"token": TOKEN} if asks and may else {}
        for _ in range(TRIES):
            answer = case.call(
                base_url=run.url.rstrip("/"),
                session=session,
                headers=headers,
                params=params,
                timeout=50,
            )
            if answer.status_code != 503 or "retry-after" not in answer.headers:
                break
        away = answer.status_code == 503 and (case.method, case.path) == AWAY
        assert away or answer.status_code < 500, f"{case.method} {case.path}: {answer.text}"

    fuzz(
        f"requests, {'with a token' if asks else 'without'}",
        st.tuples(order.flatmap(lambda strategy: strategy), st.booleans()),
        check,
        share=0.15,
    )
    assert session.get(f"{run.url}health", timeout=50).status_code == 200


DEEP: tuple[bytes, ...] = (
    b"[" * 10_000 + b"]" * 10_000,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    b"[" * 10_000,
    b"9" * 10_000,
    b'{"text": ' + b"9" * 10_000 + b"}",
    b'{"text": 1e999, "name": -1e999}',
    b'{"text": NaN}',
    b"\xff\xfe\x00",
    b'"\xed\xa0\x80"',
)


def test_deep_huge_and_broken_json_is_refused_by_every_route_that_reads_some(run: Run) -> None:
    asks = run.asks  # type: ignore[attr-defined]
    session = requests.Session()
    params = {"token": TOKEN} if asks else {}
    description = session.get(f"{run.url}openapi.json", timeout=50).json()
    seen = 0
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            if "application/json" not in operation.get("requestBody", {}).get("content", {}):
                continue
            url = f"{run.url.rstrip('/')}{path.format_map(_Anything())}"
            for body in DEEP:
                answer = session.request(method, url, data=body, params=params, timeout=50)
                assert answer.status_code in (400, 404, 409, 413, 422), (
                    path,
                    body[:20],
                    answer.text,
                )
                seen += 1
    assert seen > 100


def test_strange_strings_and_names_said_twice_break_no_route(run: Run) -> None:
    asks = run.asks  # type: ignore[attr-defined]
    session = requests.Session()
    params = {"token": TOKEN} if asks else {}
    for text in NASTY:
        quoted = requests.models.complexjson.dumps(text)
        for body in (
            f'{{"sender": {quoted}, "message": {quoted}, "metadata": {{{quoted}: {quoted}}}}}',
            f'{{"sender": "a", "sender": "b", "message": {quoted}, "message": {quoted}}}',
        ):
            answer = session.post(f"{run.url}webhooks/rest/webhook", data=body, timeout=50)
            assert answer.status_code in (200, 400, 413, 422), (text, answer.text)
        url = f"{run.url}conversations/{requests.utils.quote(text.encode('utf-8', 'replace'))}"
        answer = session.get(f"{url}/tracker", params=params, timeout=50)
        assert answer.status_code < 500, (text, answer.text)


class _Anything(dict[str, Any]):
    """A value for every name in a path."""

    def __missing__(self, name: str) -> str:
        return "callback" if name == "channel" else "fuzz"


def test_the_answers_to_strangers_are_refusals(run: Run) -> None:
    """With a token set, what schemathesis sends without it is never answered."""
    if not run.asks:  # type: ignore[attr-defined]
        return
    session = requests.Session()
    description = session.get(f"{run.url}openapi.json", timeout=50).json()
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            if not operation.get("security"):
                continue
            url = f"{run.url.rstrip('/')}{path.format_map(_Anything())}"
            assert session.request(method, url, timeout=50).status_code == 401, path
