"""Labels over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from bot.audit import Deed
from bot.dialogue.domain import Domain, EntitySpec, IntentSpec
from bot.dialogue.events import UserUttered
from bot.errors import NotFound
from bot.review import desk
from bot.review.item import Reason, ReviewItem, Said, new_id
from bot.review.scrubbing import rules_of
from bot.settings import Settings
from bot.store.base import History
from bot.store.database import Database
from bot.store.reviews import SqlReviews
from nlu.parse import Entity
from tests.serving import echo_app, served
from tests.signing import signed

KEY = "k" * 40


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    database = Database(sqlite_url)
    yield database
    await database.close()


@pytest.fixture(autouse=True)
def domain(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Domain(
        intents={name: IntentSpec(name) for name in ("greet", "bye")},
        entities={"name": EntitySpec("name")},
    )
    monkeypatch.setattr("tests.serving.DOMAIN", known)


@pytest.fixture
async def client(database: Database, tmp_path) -> AsyncIterator[httpx2.AsyncClient]:
    settings = Settings(home=tmp_path, enable_api=True)
    async with served(echo_app(settings, database=database)) as client:
        yield client


async def proposed(database: Database, *texts: str, **fields: Any) -> list[ReviewItem]:
    found = [
        ReviewItem(
            new_id(), text, conversation_id="ann", seq=seq, reasons=(Reason("m", 0.5),), **fields
        )
        for seq, text in enumerate(texts, 1)
    ]
    await SqlReviews(database).propose(found)
    return found


async def post(client: httpx2.AsyncClient, path: str, status: int = 200, **body: Any) -> Any:
    answer = await client.post(path, json={"reviewer": "mia", **body})
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_an_item_is_listed_labelled_and_taken_back(client, database):
    [one] = await proposed(database, "hi there", said=Said("bye", 0.4))
    [listed] = (await client.get("/review/items", params={"state": "open"})).json()
    assert (listed["id"], listed["text"], listed["state"]) == (one.id, "hi there", "open")
    path = f"/review/items/{one.id}"
    [labelled] = await post(client, f"{path}/label", intent="greet", revision=listed["revision"])
    assert (labelled["state"], labelled["decision"]["intent"]) == ("decided", "greet")
    assert labelled["decision"]["reviewer"] == "mia"
    assert (await client.get("/review/items", params={"state": "open"})).json() == []
    back = await post(client, f"{path}/undo")
    assert (back["state"], "decision" in back) == ("open", False)
    steps = [step["what"] for step in (await client.get(path)).json()["history"]]
    assert steps == ["proposed", "greet", "taken back"]


async def test_of_two_who_saw_the_same_one_is_told_that_the_other_was_first(client, database):
    [one] = await proposed(database, "hi")
    [seen] = (await client.get("/review/items")).json()
    path = f"/review/items/{one.id}/label"
    await post(client, path, intent="greet", revision=seen["revision"])
    late = await post(client, path, 409, reviewer="tom", intent="bye", revision=seen["revision"])
    assert "changed meanwhile" in late["message"]


async def test_entities_are_corrected_and_checked(client, database):
    said = Said("greet", 0.9, (Entity("name", "hi", 0, 2),))
    [one] = await proposed(database, "hi Ada", said=said)
    path = f"/review/items/{one.id}/label"

    async def label(status: int = 200, **spans: Any) -> Any:
        return await post(client, path, status, intent="greet", **spans)

    [kept] = await label()
    assert kept["decision"]["entities"][0]["value"] == "hi"
    [changed] = await label(entities=[{"entity": "name", "start": 3, "end": 6}])
    [span] = changed["decision"]["entities"]
    assert (span["value"], span["start"]) == ("Ada", 3)
    assert (
        "has 6 characters"
        in (await label(400, entities=[{"entity": "name", "start": 3, "end": 9}]))["message"]
    )
    wrong = await label(400, entities=[{"entity": "nane", "start": 3, "end": 6}])
    assert "Did you mean 'name'?" in wrong["message"]
    twice = [{"entity": "name", "start": 0, "end": 4}, {"entity": "name", "start": 3, "end": 6}]
    assert "overlaps" in (await label(400, entities=twice))["message"]


async def test_entities_that_the_project_lost_are_left_out_of_a_label_which_says_so(
    client, database
):
    found = (Entity("name", "Ada", 3, 6), Entity("town", "hi", 0, 2))
    one, other = await proposed(
        database, "hi Ada", "hi Ida", said=Said("greet", 0.9, found), group="g"
    )
    path = f"/review/items/{one.id}/label"
    changed = await post(client, path, intent="greet", whole_group=True, note="sure")
    assert [each["id"] for each in changed] == [one.id, other.id]
    for each in changed:
        [span] = each["decision"]["entities"]
        assert span["entity"] == "name"
        assert each["decision"]["note"] == (
            "sure Left out: the project has no entity 'town' any more."
        )
    asked = [{"entity": "town", "start": 0, "end": 2}]  # who names it is told
    refused = await post(client, path, 400, intent="greet", entities=asked)
    assert "The project has no entity 'town'." in refused["message"]


async def test_an_intent_that_the_project_has_not_is_refused_unless_it_is_new(client, database):
    [one] = await proposed(database, "hi")
    path = f"/review/items/{one.id}/label"
    wrong = await post(client, path, 400, intent="gret")
    assert "Did you mean 'greet'?" in wrong["message"]
    assert "new_intent" in wrong["message"]
    [new] = await post(client, path, label="new_intent", intent="complain")
    assert (new["decision"]["label"], new["decision"]["intent"]) == ("new_intent", "complain")
    assert (
        "already" in (await post(client, path, 400, label="new_intent", intent="greet"))["message"]
    )
    [outside] = await post(client, path, label="out_of_scope")
    assert (outside["decision"]["label"], outside["decision"].get("intent")) == (
        "out_of_scope",
        None,
    )
    await post(client, path, 400, label="out_of_scope", intent="greet")
    await post(client, path, 400, label="intent")


async def test_one_click_labels_a_whole_group(client, database):
    items = await proposed(database, "hi", "hi!", "Hi.", group="g")
    await proposed(database, *["x"] * 3, "bye")
    await post(client, f"/review/items/{items[2].id}/skip")
    changed = await post(
        client, f"/review/items/{items[0].id}/label", intent="greet", whole_group=True
    )
    assert [each["text"] for each in changed] == ["hi", "hi!"]
    assert {each["decision"]["intent"] for each in changed} == {"greet"}


async def test_a_second_opinion_that_differs_leaves_it_open_until_a_third(client, database):
    [one] = await proposed(database, "hi")
    path = f"/review/items/{one.id}"
    await post(client, f"{path}/label", intent="greet")
    assert (await post(client, f"{path}/second-opinion"))["state"] == "open"
    [disputed] = await post(client, f"{path}/label", reviewer="tom", intent="bye")
    assert (disputed["state"], disputed["is_disputed"]) == ("open", True)
    listed = (await client.get("/review/items", params={"disputed": True})).json()
    assert [each["id"] for each in listed] == [one.id]
    [settled] = await post(client, f"{path}/label", reviewer="eve", intent="bye")
    assert (settled["state"], settled["decision"]["intent"]) == ("decided", "bye")
    summary = (await client.get("/review/summary")).json()
    assert summary["states"] == {"decided": 1}
    assert (summary["agreement"]["pairs"], summary["agreement"]["rate"]) == (3, 0.3333)
    assert len(summary["pairs"]) == 3


async def test_any_turn_of_a_user_can_be_labelled_and_is_scrubbed(client):
    text = "I am ann@example.com"
    parse = {"text": text, "intent": {"name": "bye", "confidence": 0.7}}
    say = {"event": "user", "text": text, "parse_data": parse}
    bot = {"event": "bot", "text": "Who are you?"}
    for event in ({"event": "session_started"}, bot, say):
        added = await client.post("/conversations/ann/tracker/events", json=event)
        assert added.status_code == 200, added.text
    query = {"include_events": "ALL"}
    tracker = (await client.get("/conversations/ann/tracker", params=query)).json()
    kinds = [event["event"] for event in tracker["events"]]
    seq = kinds.index("user") + 1
    item = await post(client, f"/conversations/ann/turns/{seq}/review")
    assert (item["said"]["intent"], item["before"]) == ("bye", "Who are you?")
    assert "ann@example.com" not in item["text"]
    assert item["text"].startswith("I am <email_")
    again = await post(client, f"/conversations/ann/turns/{seq}/review")
    assert again["id"] == item["id"]
    for other in (0, seq - 1, len(kinds) + 1, -1):
        await post(client, f"/conversations/ann/turns/{other}/review", 404)
    await post(client, "/conversations/nobody/turns/1/review", 404)


async def test_what_is_unknown_is_404_and_what_is_malformed_422(client, database):
    await post(client, "/review/items/none/label", 404, intent="greet")
    [one] = await proposed(database, "hi")
    await post(client, f"/review/items/{one.id}/label", 422, label="maybe")
    await post(client, f"/review/items/{one.id}/explode", 422)
    await post(client, f"/review/items/{one.id}/undo", 409)
    assert (await client.get("/review/items", params={"after": "none"})).status_code == 404


async def test_only_who_may_review_does_and_under_the_own_name(database, tmp_path):
    settings = Settings(home=tmp_path, enable_api=True, jwt_secret=KEY)
    [one] = await proposed(database, "hi")
    async with served(echo_app(settings, database=database)) as client:

        async def status(role: str) -> int:
            token = signed({"user": {"username": "mia", "role": role}}, KEY)
            headers = {"Authorization": f"Bearer {token}"}
            return (await client.get(f"/review/items/{one.id}", headers=headers)).status_code

        assert (await client.get(f"/review/items/{one.id}")).status_code == 401
        assert await status("user") == 403
        assert await status("admin") == 200


async def test_a_server_without_a_database_says_so(tmp_path):
    async with served(echo_app(Settings(home=tmp_path, enable_api=True))) as client:
        assert (await client.get("/review/items")).status_code == 409


async def test_whose_sentence_was_looked_at_or_judged_is_in_the_audit_log(
    database: Database, tmp_path
):
    deeds = list[Deed]()

    class Heard:
        async def record(self, deed: Deed) -> int:
            deeds.append(deed)
            return len(deeds)

    [item] = await proposed(database, "hi")
    settings = Settings(home=tmp_path, enable_api=True)
    async with served(echo_app(settings, database=database, audit=Heard())) as client:
        await client.get(f"/review/items/{item.id}")
        await client.get("/review/items?conversation_id=ann")
        await post(client, f"/review/items/{item.id}/label", intent="greet")
        await post(client, f"/review/items/{item.id}/undo")
    done = [(d.action, d.conversation_id) for d in deeds if d.outcome == "done"]
    assert done == [
        ("review.item", "ann"),
        ("review.items", "ann"),
        ("review.label", "ann"),
        ("review.change", "ann"),
    ]


async def test_a_turn_is_found_by_its_number_though_old_sessions_are_gone(
    database: Database, tmp_path
):
    events = [UserUttered(text="two", timestamp=2.0), UserUttered(text="three", timestamp=3.0)]

    class Cut:
        async def history(self, conversation_id: str, *, all_sessions: bool) -> History:
            return History(tuple(events), 3, 0)

    reviews, rules = SqlReviews(database), rules_of(Settings(home=tmp_path))
    found = await desk.item_of_turn(reviews, Cut(), "ann", 3, rules)
    assert found.text == "three"
    for gone in (0, 1, 4):
        with pytest.raises(NotFound):
            await desk.item_of_turn(reviews, Cut(), "ann", gone, rules)
