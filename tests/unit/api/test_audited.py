"""What callers of the API do is in the audit log."""

from __future__ import annotations

from typing import Any

import pytest

from bot.audit import Deed
from bot.errors import Unavailable
from bot.settings import Settings
from tests.serving import echo_app, served
from tests.signing import signed

SECRET = "a secret of more than sixty-four bytes, which is long enough for HS512"
TRACKER = "/conversations/anna/tracker"
TOKEN = {"Authorization": "Bearer t0ken"}


class Heard:
    """An audit log in a list, which can be out of order."""

    def __init__(self) -> None:
        self.deeds: list[Deed] = []
        self.works = True

    async def record(self, deed: Deed) -> int:
        if not self.works:
            raise Unavailable("The database does not answer.")
        self.deeds.append(deed)
        return len(self.deeds)

    def told(self) -> list[tuple[str, str, str | None]]:
        return [(deed.action, deed.outcome, deed.conversation_id) for deed in self.deeds]


async def called(
    heard: Heard, method: str, path: str, *, headers: Any = TOKEN, json: Any = None
) -> int:
    settings = Settings(auth_token="t0ken", jwt_secret=SECRET)
    async with served(echo_app(settings, audit=heard)) as client:
        answer = await client.request(method, path, headers=headers, json=json)
        return int(answer.status_code)


def bearer(user: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {signed({'user': user}, SECRET)}"}


async def test_who_reads_a_conversation_is_recorded():
    heard = Heard()
    assert await called(heard, "GET", TRACKER) == 200
    assert heard.told() == [("conversations.tracker", "done", "anna")]
    assert heard.deeds[0].actor.kind == "token"
    assert heard.deeds[0].facts == {"status": 200}


async def test_a_jwt_is_recorded_by_its_users_name_and_role():
    heard = Heard()
    await called(heard, "GET", TRACKER, headers=bearer({"username": "boss", "role": "admin"}))
    actor = heard.deeds[0].actor
    assert (actor.kind, actor.name, actor.role) == ("jwt", "boss", "admin")


async def test_a_change_is_recorded_before_it_is_made_and_when_it_was():
    heard = Heard()
    events = [{"event": "slot", "name": "size", "value": "xl"}]
    assert await called(heard, "POST", f"{TRACKER}/events", json=events) == 200
    begun, done = heard.deeds
    assert (begun.action, begun.outcome) == ("conversations.add_events", "begun")
    assert (done.outcome, done.facts) == ("done", {"of": 1, "status": 200})


async def test_a_change_that_cannot_be_made_is_recorded_as_rejected():
    heard = Heard()
    assert await called(heard, "POST", f"{TRACKER}/events", json=[{"event": "?"}]) == 400
    assert [deed.outcome for deed in heard.deeds] == ["begun", "rejected"]


async def test_who_is_refused_is_recorded_but_no_stranger():
    heard = Heard()
    viewer = bearer({"username": "vera", "role": "viewer"})
    assert await called(heard, "PUT", f"{TRACKER}/events", headers=viewer, json=[]) == 403
    assert heard.told() == [("conversations.replace_events", "refused", "anna")]
    assert await called(heard, "GET", TRACKER, headers={}) == 401
    assert len(heard.deeds) == 1


async def test_which_person_took_over_is_recorded_beside_whose_token_it_was():
    heard = Heard()
    assert await called(heard, "POST", "/conversations/anna/takeover", json={"agent": "ann"}) == 404
    assert heard.deeds[-1].facts["agent"] == "ann"


async def test_nothing_is_shown_that_could_not_be_recorded():
    heard = Heard()
    heard.works = False
    assert await called(heard, "GET", TRACKER) == 503


async def test_nothing_is_changed_that_could_not_be_recorded():
    heard = Heard()
    heard.works = False
    settings = Settings(auth_token="t0ken")
    async with served(echo_app(settings, audit=heard)) as client:
        events = [{"event": "slot", "name": "size", "value": "xl"}]
        path = f"{TRACKER}/events"
        assert (await client.post(path, headers=TOKEN, json=events)).status_code == 503
        heard.works = True
        state = (await client.get(TRACKER, headers=TOKEN)).json()
    assert "size" not in str(state["events"])


async def test_a_visitor_of_his_own_conversation_is_not_recorded():
    heard = Heard()
    anna = bearer({"username": "anna", "role": "user"})
    assert await called(heard, "GET", TRACKER, headers=anna) == 200
    said = {"sender": "anna", "message": "hello"}
    assert await called(heard, "POST", "/webhooks/rest/webhook", json=said) == 200
    assert heard.deeds == []


async def test_what_tells_nothing_about_anybody_is_not_recorded():
    heard = Heard()
    for path in ("/status", "/domain", "/health"):
        assert await called(heard, "GET", path) in (200, 406)
    assert await called(heard, "POST", "/model/parse", json={"text": "hi"}) == 200
    assert heard.deeds == []


async def test_no_id_that_a_caller_may_send_breaks_the_log():
    heard = Heard()
    assert await called(heard, "GET", f"/conversations/{'a' * 600}/tracker") == 400
    assert heard.told() == [("conversations.tracker", "rejected", None)]


def dependencies(dependant: Any) -> list[Any]:
    return [each for d in dependant.dependencies for each in (d, *dependencies(d))]


def guarded(app: Any) -> list[tuple[str, str]]:
    """Every route that asks who is calling for more than counts and questions to the model."""
    found = []
    for path, methods in _routes(app):
        for method, scopes in methods:
            if scopes and not {"metrics", "model:read"}.issuperset(scopes):
                found.append((method, path))
    return found


def _routes(app: Any) -> list[tuple[str, list[tuple[str, tuple[str, ...]]]]]:
    found = []
    for path, operations in app.openapi()["paths"].items():
        methods = []
        for method, operation in operations.items():
            asked = [s for rule in operation.get("security", ()) for v in rule.values() for s in v]
            methods.append((method.upper(), tuple(asked)))
        found.append((path, methods))
    return found


async def test_every_route_that_asks_who_is_calling_is_recorded():
    heard = Heard()
    app = echo_app(Settings(auth_token="t0ken"), audit=heard)
    routes = guarded(app)
    assert len(routes) > 10
    async with served(app) as client:
        for method, path in routes:
            heard.deeds.clear()
            await client.request(method, path.replace("{conversation_id}", "anna"), headers=TOKEN)
            assert heard.deeds, f"{method} {path} is in no audit log"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_route_that_breaks_is_recorded_as_failed(method: str):
    from bot.api.auth import requires

    heard = Heard()
    app = echo_app(Settings(auth_token="t0ken"), audit=heard)

    async def breaks() -> None:
        raise RuntimeError

    app.add_api_route("/x", breaks, methods=[method], dependencies=[requires("audit")], tags=["x"])
    async with served(app) as client:
        assert (await client.request(method, "/x", headers=TOKEN)).status_code == 500
    assert heard.deeds[-1].outcome == "failed"
    assert heard.deeds[-1].action == "x.breaks"
