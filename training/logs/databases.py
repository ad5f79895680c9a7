"""Logs in SQL: Parley's own, and the tracker stores of Rasa 2 and 3.

Read conversation by conversation, each behind its cursor. A conversation's last turn is left until
nothing came after it for a while: what came of it belongs to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from bot.dialogue.events import Event
from bot.errors import NotFound, SettingsError, Unavailable
from bot.review.scrubbing import Rules
from bot.store import schema
from bot.store.database import parse_url, shown
from bot.store.sealing import Plain, seal_of_environment
from bot.store.shelf import Cursor, Harvest, Shelf
from training.logs.fold import Fold
from training.logs.reading import Basket
from training.logs.rows import place_of

PAGE = 200  # conversations of one part
LEAD = 30  # events before the cursor that are read again, for what was said before
SETTLED_S = 900.0
LATE_S = 60.0  # a transaction that takes long, clocks that differ

Kind = Literal["parley", "rasa"]


@dataclass(frozen=True, slots=True)
class _Statements:
    """``stands`` lists conversations: id, last event, epoch, when it went on, and the epoch that an
    erasure raised it to."""

    table: str
    stands: str
    first: str
    before: str
    events: str


_STATEMENTS: Mapping[Kind, _Statements] = {
    "parley": _Statements(
        table="conversation",
        stands="SELECT id, seq, epoch, updated_at, erased_epoch FROM conversation WHERE id > :after"
        " AND updated_at >= :since ORDER BY id LIMIT :limit",
        first="SELECT min(seq) FROM event WHERE conversation_id = :id",
        before="SELECT seq, event FROM event WHERE conversation_id = :id AND seq <= :after"
        " ORDER BY seq DESC LIMIT :limit",
        events="SELECT seq, event FROM event WHERE conversation_id = :id AND seq > :after"
        " AND seq <= :last ORDER BY seq",
    ),
    # The table `events` of Rasa's SQLTrackerStore: its documentation, "Tracker Stores".
    "rasa": _Statements(
        table="events",
        stands="SELECT sender_id, max(id), 0, max(timestamp), 0 FROM events"
        " WHERE sender_id > :after AND :since >= 0"
        " GROUP BY sender_id ORDER BY sender_id LIMIT :limit",
        first="SELECT min(id) FROM events WHERE sender_id = :id",
        before="SELECT id, data FROM events WHERE sender_id = :id AND id <= :after"
        " ORDER BY id DESC LIMIT :limit",
        events="SELECT id, data FROM events WHERE sender_id = :id AND id > :after"
        " AND id <= :last ORDER BY id",
    ),
}
_events = msgspec.json.Decoder(Event)
_NEVER = Plain()  # Rasa encrypts nothing


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a conversation is in its log. ``at`` is when it went on, in seconds since 1970;
    ``erased_epoch`` the epoch since when nothing that was read before may be kept."""

    conversation_id: str
    last: int
    epoch: int
    at: float
    erased_epoch: int


@dataclass(frozen=True)
class Page:
    """Some conversations of a log, and how far each is read. ``now`` in seconds since 1970."""

    url: str
    kind: Kind
    origin: str
    rules: Rules
    stands: Sequence[Stand]
    cursors: Mapping[str, Cursor]
    now: float
    settled_s: float

    def harvests(self) -> Iterator[Harvest]:
        """The new turns of these conversations."""
        basket = Basket(self.origin, self.rules)
        with _connected(self.url) as db:
            for stand in self.stands:
                yield from self._conversation(db, stand, basket)
        yield basket.emptied()

    def _conversation(self, db: Connection, stand: Stand, basket: Basket) -> Iterator[Harvest]:
        name = stand.conversation_id
        cursor = self._cursor(db, stand, basket)
        if not stand.last:  # it was erased, or ended, and what was read of it is all there was
            if cursor:
                basket.cursor(Cursor(name, 0))
            return
        after = cursor.seq if cursor else 0
        fold, read = Fold(name, self.origin), _STATEMENTS[self.kind]
        seal = seal_of_environment() if self.kind == "parley" else _NEVER
        if after:
            asked = {"id": name, "after": after, "limit": LEAD}
            for seq, body in reversed(db.execute(text(read.before), asked).all()):
                self._feed(fold, seq, seal.open(body, "event", name, seq), None)
            fold.end()
        rows = db.execute(text(read.events), {"id": name, "after": after, "last": stand.last})
        for seq, body in rows.yield_per(1000):
            basket.event()
            basket.turn(self._feed(fold, seq, seal.open(body, "event", name, seq), basket))
            if basket.is_full:
                yield basket.emptied()
        unsettled = fold.open_seq if stand.at + self.settled_s > self.now else None
        if unsettled is None:
            basket.turn(fold.end())
        last = stand.last if unsettled is None else unsettled - 1
        basket.cursor(Cursor(name, last, stand.epoch))

    def _cursor(self, db: Connection, stand: Stand, basket: Basket) -> Cursor | None:
        """Behind what the conversation is read, if what the shelf has of it is of the same events.

        Retention leaves what was read where it is. So a cursor at 0 is that of a conversation that
        it ended, and that begins anew when there are events again.
        """
        name = stand.conversation_id
        cursor = self.cursors.get(name)
        if cursor is None or not _is_followed(cursor, stand):
            if cursor:
                basket.renew(name)  # it was erased, or may have been
            return None
        if stand.last and not cursor.seq:
            basket.begin(name)
        elif stand.last and cursor.epoch != stand.epoch:  # a person took over, or replaced events
            first = db.scalar(text(_STATEMENTS[self.kind].first), {"id": name})
            basket.renew(name, since=first or 1)
            return None
        return cursor

    def _feed(self, fold: Fold, seq: int, body: Any, basket: Basket | None) -> Any:
        try:
            return fold.feed(seq, _events.decode(body))
        except (msgspec.MsgspecError, TypeError) as error:
            if basket:
                place = place_of(error) if isinstance(error, msgspec.MsgspecError) else ""
                basket.bad(seq, f"no event of Rasa{place}", fold.conversation_id)
            return None


def pages(
    url: str,
    kind: Kind,
    shelf: Shelf,
    rules: Rules,
    *,
    origin: str,
    now: float,
    settled_s: float = SETTLED_S,
) -> Iterator[Page]:
    """What the log at ``url`` has that ``shelf`` has not. Raises NotFound, Unavailable."""
    since, after = float(shelf.mark(_since(origin)) or 0.0), ""
    while found := _listed(url, kind, after=after, since=since):
        after = found[-1][0]
        known = shelf.cursors(origin, [row[0] for row in found])
        stands = [Stand(*row) for row in found if _is_new(row, known.get(row[0]))]
        if stands:
            yield Page(url, kind, origin, rules, stands, known, now, settled_s)


def finish(shelf: Shelf, *, origin: str, now: float, settled_s: float = SETTLED_S) -> None:
    """All pages are on the shelf: what had settled by ``now`` is not looked at again."""
    before = float(shelf.mark(_since(origin)) or 0.0)
    shelf.set_mark(_since(origin), repr(max(before, now - settled_s - LATE_S)))


def _since(origin: str) -> str:
    return f"since:{origin}"


def _is_followed(cursor: Cursor, stand: Stand) -> bool:
    """Whether ``stand`` is of the conversation that was read up to ``cursor``, and it was not
    erased since. Its row goes a day after it was ended or erased: of one with other events in the
    same epoch, or an earlier one, nobody can tell which it was."""
    if cursor.epoch < stand.erased_epoch or (stand.erased_epoch and not stand.last):
        return False
    if not cursor.seq or cursor.epoch < stand.epoch:
        return True
    return cursor.epoch == stand.epoch and cursor.seq <= stand.last


def _is_new(row: Any, cursor: Cursor | None) -> bool:
    if cursor is None:
        return bool(row[1])
    return (cursor.seq, cursor.epoch) != (row[1], row[2])


def _listed(url: str, kind: Kind, *, after: str, since: float) -> Sequence[Any]:
    asked = {"after": after, "since": since, "limit": PAGE}
    with _connected(url) as db:
        return db.execute(text(_STATEMENTS[kind].stands), asked).all()


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = _engine(url)
    try:
        with engine.connect() as db:
            yield db.execution_options(stream_results=True)
    except DBAPIError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise Unavailable(f"The log {shown(engine.url)} cannot be read: {reason}") from error
    finally:
        engine.dispose()


def _engine(url: str) -> Engine:
    parsed = parse_url(url)
    is_file = parsed.get_backend_name() == "sqlite"
    if is_file and not Path(str(parsed.database)).is_file():  # reading would make an empty one
        raise NotFound(f"There is no database {shown(parsed)}.")
    return create_engine(parsed)


def check_log(url: str, kind: Kind) -> None:
    """Raises SettingsError unless the database at ``url`` holds such a log, Parley's own as this
    Parley writes it."""
    table = _STATEMENTS[kind].table
    with _connected(url) as db:
        found = inspect(db).get_table_names()
        revision = schema.current(db)
    if table not in found:
        raise SettingsError(
            f"{shown(parse_url(url))} has no table {table!r}, so it is no log of {kind.title()}. "
            f"Tables: {', '.join(sorted(found)) or 'none'}."
        )
    if kind == "parley" and (wrong := schema.problem(revision, shown(parse_url(url)))):
        raise SettingsError(wrong)
