"""Whatever comes from outside is understood or refused in a sentence; nothing crashes or hangs."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st

from bot.actions.protocol import read_answer
from bot.channels.base import Channel, Delivery
from bot.channels.identity import Identities
from bot.channels.rest import RestChannel
from bot.channels.socketio import Options, SocketioChannel
from bot.channels.telegram.channel import Credentials, TelegramChannel
from bot.channels.visitors import Tickets
from bot.channels.web import WebChannel
from bot.door import read_json
from bot.errors import ParleyError
from bot.model.package import pack, unpack
from bot.project.faq import read_faq
from bot.project.load import load_project
from bot.project.markup import read_markup
from bot.project.posted import write_posted
from bot.project.report import Report
from bot.understand import read_payload
from nlu.bundle import open_bundle
from nlu.errors import NluError
from nlu.grammar.component import GrammarFinder
from nlu.grammar.component import Options as Grammar
from tests.fuzz.budget import fuzz
from tests.fuzz.values import DATA, NASTY, TEXT, json_of, spoiled
from tests.unit.nlu.conftest import write_bundle

SHARE = 0.05
TABLEBOT = DATA / "tablebot"


def refused(work: Callable[..., Any], *arguments: Any) -> None:
    """``work`` may refuse, as a client's or an author's fault."""
    with suppress(ParleyError, NluError):
        work(*arguments)


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


BYTES = st.binary(max_size=80)
UPDATE = json_of(
    "update_id message edited_message callback_query chat id text from data "
    "photo file_id location latitude longitude caption voice language_code "
    "entities type date message_id document contact"
)
TRUE_UPDATE = st.builds(
    lambda update_id, chat, said: {
        "update_id": update_id,
        "message": {"message_id": 1, "date": 0, "chat": chat, "from": chat, **said},
    },
    st.integers(-(2**60), 2**60) | TEXT,
    st.fixed_dictionaries({"id": st.integers(-(2**60), 2**60) | TEXT, "type": TEXT}),
    st.dictionaries(st.sampled_from(["text", "caption", "photo", "location", "voice"]), UPDATE),
)
SAID = json_of(
    "message session_id sender message_id metadata type id text ticket "
    "after identity input_channel customData"
)
CHANNELS: dict[str, tuple[Channel, st.SearchStrategy[Any]]] = {
    "telegram": (
        TelegramChannel(Credentials("1:a", attachment_intent="sent"), None),  # type: ignore[arg-type]
        UPDATE | TRUE_UPDATE,
    ),
    "rest": (RestChannel(), SAID),
    "socketio": (SocketioChannel(Options(session_persistence=True)), SAID),
    "web": (WebChannel(), SAID),
}


@pytest.mark.parametrize("name", CHANNELS)
def test_no_delivery_breaks_a_channel(name: str) -> None:
    channel, values = CHANNELS[name]

    def check(body: bytes) -> None:
        place = {"sid": "s", "conversation": "web:c"}
        refused(channel.parse, Delivery(body, {"idempotency-key": "k"}, place))

    fuzz(f"deliveries of {name}", BYTES | values.map(encoded), check, share=SHARE / 2)


def test_no_first_frame_no_ticket_and_no_identity_breaks_the_chat_page() -> None:
    channel, tickets = WebChannel(), Tickets(["k" * 16])
    identities = Identities(["s" * 32], method="HS256")
    alphabet = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789_-.=", max_size=200)

    def check(example: tuple[bytes, str]) -> None:
        refused(channel.first, example[0])
        assert tickets.read(example[1], 0.0) is None
        refused(identities.read, example[1], 0.0)

    both = st.tuples(SAID.map(encoded), alphabet | TEXT)
    fuzz("first frames, tickets and identities", both, check, share=SHARE / 2)


def test_no_payload_breaks_the_reader_of_intents() -> None:
    domain = load_project(TABLEBOT).domain
    payloads = (
        '/greet{"name": "Ada"}',
        '/book@0.9{"number": 4, "time": ["now"]}',
        "/faq/hours",
        '/greet{"name": {"value": 1, "role": "x"}}',
    )

    def check(text: str) -> None:
        refused(read_payload, text, domain)
        refused(read_markup, text)

    marked = ('[tea]{"entity": "item", "role": "x", "value": "y"}', "[tea](item:green)")
    texts = spoiled((*payloads, *marked)) | TEXT.map(lambda text: f"/{text}")
    fuzz("payloads and marked sentences", texts, check, share=SHARE)


def _texts(*suffixes: str) -> tuple[str, ...]:
    found = (path for path in sorted(DATA.rglob("*")) if path.suffix in suffixes)
    texts = (path.read_text(encoding="utf-8") for path in found if path.stat().st_size < 6000)
    return tuple(text for text in texts if text.strip())


@pytest.mark.parametrize(
    "file", ["domain.yml", "data/nlu.yml", "config.yml", "endpoints.yml", "credentials.yml"]
)
def test_no_file_breaks_the_reading_of_a_project(file: str) -> None:
    texts = _texts(".yml", ".yaml", ".json")

    def check(text: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            project = Path(folder)
            files = {"config.yml": "recipe: default.v1\n", "domain.yml": "intents: [greet]\n"}
            for name, content in {**files, file: text}.items():
                (project / name).parent.mkdir(exist_ok=True)
                (project / name).write_bytes(content.encode("utf-8", "surrogatepass"))
            refused(load_project, project)

    fuzz(f"projects with a strange {file}", spoiled(texts), check, share=SHARE)


def test_no_posted_project_breaks_the_server_that_trains() -> None:
    texts = _texts(".yml")

    def check(text: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            refused(write_posted, text, Path(folder))

    fuzz("posted projects", spoiled(texts) | TEXT, check, share=SHARE)


def test_no_faq_breaks_its_reader() -> None:
    markdown = (
        "# Delivery\n\n## How long does it take?\n<!-- id: a -->\n- And abroad?\n\nTwo days.\n"
    )
    tables = (
        'question,answer\nHow long?,Two days\n"And, then?","a\nb"\n',
        "id;question;answer\nx;y;z\n",
    )

    def check(text: str) -> None:
        for name in ("faq/a.md", "faq/a.csv"):
            refused(read_faq, [(name, text)], Report())

    fuzz("FAQ files", spoiled((markdown, *tables)) | TEXT, check, share=SHARE)


def test_no_json_breaks_the_door() -> None:
    deep = st.sampled_from([b"[" * 10_000, b'{"a":' * 10_000, b"[" * 10_000 + b"]" * 10_000])
    numbers = st.sampled_from([b"9" * 5000, b"1e400", b"-1e-400", b"0x1", b"NaN", b"-Infinity"])
    same = st.just(b'{"a": 1, "a": {"a": 2, "a": 3}}')
    values = json_of().map(encoded)
    fuzz("JSON", BYTES | deep | numbers | same | values, partial(refused, read_json), share=SHARE)


def test_no_answer_of_an_action_server_breaks_a_turn() -> None:
    answers = json_of(
        "events responses event name value text buttons title payload timestamp "
        "parse_data entities date_time data metadata custom"
    )
    events = st.lists(answers, max_size=4)
    whole = st.fixed_dictionaries({"events": events, "responses": events})
    bodies = (answers | whole).map(encoded) | BYTES
    fuzz("answers of actions", bodies, partial(refused, read_answer, "action_x"), share=SHARE)


@pytest.mark.parametrize("locale", ["en", "zh"])
def test_no_text_breaks_the_grammar_of_dates_and_numbers(locale: str) -> None:
    finder = GrammarFinder(Grammar(locale=locale, latent=True), clock=lambda: 1_700_000_000.0)
    words = (
        "tomorrow at 5pm for 3 people, $20.50 or 7 km",
        "between 31/02/2024 and 29.2.2023 24:61",
        "the last friday of next month in 2 fortnights",
        "+44 20 7946 0958, 1e9999 and 10^400 or 1,2,3.4.5",
        "明天下午三点到五点半，一百零二块五",
        "二〇二四年十三月三十二日",
    )
    texts = spoiled(words) | st.lists(st.sampled_from((*words, *NASTY)), max_size=6).map("".join)
    fuzz(f"dates and numbers, {locale}", texts, finder.find_now, share=SHARE)


def test_a_bundle_that_was_tampered_with_is_refused(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "v1")
    names = sorted(path.name for path in folder.iterdir())
    sound = {name: (folder / name).read_bytes() for name in names}
    manifest = sound["manifest.json"].decode()

    def check(example: tuple[str, str, int, bytes]) -> None:
        name, text, at, other = example
        content = sound[name]
        at %= len(content)
        changed = content[:at] + other + content[at + len(other) :]
        if name == "manifest.json":
            changed = text.encode("utf-8", "surrogatepass")
        (folder / name).write_bytes(changed)
        try:
            if name == "manifest.json":
                refused(open_bundle, folder)
            elif changed != content:
                with pytest.raises(NluError):
                    open_bundle(folder)
        finally:
            (folder / name).write_bytes(content)

    examples = st.tuples(
        st.sampled_from(names), spoiled((manifest,)), st.integers(0, 2**31), st.binary(min_size=1)
    )
    fuzz("bundles", examples, check, share=SHARE)


def test_no_package_breaks_the_server_that_opens_it(tmp_path: Path) -> None:
    sound = tmp_path / "sound.tar.gz"
    pack(TABLEBOT, tmp_path / "models", sound)
    content = sound.read_bytes()
    plain = gzip.decompress(content)
    spoil = tmp_path / "spoiled.tar.gz"

    def check(example: tuple[bool, int, bytes]) -> None:
        inside, at, other = example
        whole = plain if inside else content
        at %= len(whole)
        changed = whole[:at] + other + whole[at + len(other) :]
        spoil.write_bytes(gzip.compress(changed, 1) if inside else changed)
        with tempfile.TemporaryDirectory() as folder:
            refused(unpack, spoil, Path(folder))

    examples = st.tuples(st.booleans(), st.integers(0, 2**31), st.binary(min_size=1, max_size=200))
    fuzz("model packages", examples, check, share=SHARE)


def test_no_event_that_can_be_read_breaks_the_tracker() -> None:
    from bot.dialogue.events import Event
    from bot.dialogue.tracker import Tracker

    domain = load_project(TABLEBOT).domain
    names = ("user", "bot", "action", "slot", "active_loop", "undo", "rewind", "restart", "pause")
    names += ("followup", "reset_slots", "loop_interrupted", "action_execution_rejected", "agent")
    names += ("resume", "session_started", "reminder", "cancel_reminder", "export")
    fields = ("name", "value", "text", "parse_data", "metadata", "data", "policy", "timestamp")
    fields += ("intent", "entities", "date_time", "is_interrupted", "confidence", "action_text")
    event = st.builds(
        lambda name, rest: {**rest, "event": name},
        st.sampled_from(names),
        st.dictionaries(st.sampled_from(fields), json_of("intent name entities"), max_size=5),
    )

    def check(found: list[dict[str, Any]]) -> None:
        tracker = Tracker.start("c", domain)
        for one in found:
            try:
                read = msgspec.convert(read_json(encoded(one)), Event)
            except (msgspec.ValidationError, ParleyError):
                continue
            tracker = tracker.apply(read)
            assert msgspec.json.decode(msgspec.json.encode(read), type=Event) == read
        tracker.latest_message  # noqa: B018 (what every turn asks of it)

    fuzz("events", st.lists(event, max_size=8), check, share=SHARE)
