"""Turns read from logs, scrubbed, in an SQLite file of their own: what mining looks through.

They are encrypted where there are keys, as the log is.

Turns and the cursor behind them are committed together, so a run that is killed leaves neither
too much nor too little.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bot.errors import SettingsError, Unavailable
from bot.review.turn import BadRow, Turn
from bot.settings import Settings
from bot.store.private import make_folder
from bot.store.sealing import MARK, Seal, seal_of_environment

FORMAT = 1
_MEND = (
    "Put a copy back that is whole, or delete it and read the logs anew: `parley logs read`, "
    "`parley logs import`."
)
PAGE = 500  # turns that are closed anew in one transaction
BUSY_S = 30.0
_TABLES = """
CREATE TABLE IF NOT EXISTS turn (
    id INTEGER PRIMARY KEY,
    origin TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    turn TEXT NOT NULL,  -- JSON
    UNIQUE (origin, conversation_id, seq)
);
CREATE INDEX IF NOT EXISTS turn_conversation ON turn (conversation_id);
CREATE TABLE IF NOT EXISTS cursor (
    origin TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    seq INTEGER NOT NULL,  -- all up to here is read
    epoch INTEGER NOT NULL,
    PRIMARY KEY (origin, conversation_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mark (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bad (
    origin TEXT NOT NULL,
    line INTEGER NOT NULL,
    why TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    PRIMARY KEY (origin, conversation_id, line)
) WITHOUT ROWID;
"""
_turns = msgspec.json.Decoder(Turn)


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a conversation is read: up to the event ``seq``, in that ``epoch``."""

    conversation_id: str
    seq: int
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Harvest:
    """Part of what a log gave: committed whole or not at all.

    ``renewed`` are conversations of which what is on the shelf is replaced by this, from a turn on,
    None: all of it. ``begun`` are those that retention ended and that began anew.
    """

    origin: str
    turns: Sequence[Turn] = ()
    bad: Sequence[BadRow] = ()
    cursors: Sequence[Cursor] = ()
    renewed: Sequence[tuple[str, int | None]] = ()
    begun: Sequence[str] = ()
    events: int = 0


class Shelf:
    """The file of turns."""

    def __init__(self, connection: sqlite3.Connection, seal: Seal) -> None:
        self._db, self._seal = connection, seal

    def add(self, harvest: Harvest) -> int:
        """Put it on the shelf, in one transaction; how many of its turns were not there before."""
        with self._transaction():
            known = self._count_known(harvest)
            for name, since in harvest.renewed:
                self._forget(harvest.origin, name, since)
            for name in harvest.begun:
                self._put_behind(harvest.origin, name)
            self._db.executemany(
                "INSERT INTO turn (origin, conversation_id, seq, turn) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (origin, conversation_id, seq) DO UPDATE SET turn = excluded.turn",
                [(*turn.key, self._closed(turn)) for turn in harvest.turns],
            )
            self._db.executemany(
                "INSERT OR REPLACE INTO bad VALUES (?, ?, ?, ?)",
                [(row.origin, row.line, row.why, row.conversation_id) for row in harvest.bad],
            )
            self._db.executemany(
                "INSERT OR REPLACE INTO cursor VALUES (?, ?, ?, ?)",
                [(harvest.origin, at.conversation_id, at.seq, at.epoch) for at in harvest.cursors],
            )
        return len(harvest.turns) - known

    def _forget(self, origin: str, name: str, since: int | None) -> None:
        self._db.execute(
            "DELETE FROM turn WHERE origin = ? AND conversation_id = ? AND (? IS NULL OR seq >= ?)",
            (origin, name, since, since),
        )
        for table in ("bad", "cursor"):
            self._db.execute(
                f"DELETE FROM {table} WHERE origin = ? AND conversation_id = ?", (origin, name)
            )

    def _put_behind(self, origin: str, name: str) -> None:
        """Number the conversation's turns down to 0: what it goes on with begins at 1 again."""
        turns = self.conversation(origin, name)
        last = turns[-1].seq if turns else 0
        for turn in turns if last > 0 else ():  # the lowest first, so that none meets another
            moved = msgspec.structs.replace(turn, seq=turn.seq - last)
            self._db.execute(
                "UPDATE turn SET seq = ?, turn = ?"
                " WHERE origin = ? AND conversation_id = ? AND seq = ?",
                (moved.seq, self._closed(moved), *turn.key),
            )
        self._db.execute(
            "DELETE FROM cursor WHERE origin = ? AND conversation_id = ?", (origin, name)
        )

    def _closed(self, turn: Turn) -> str:
        return self._seal.close(msgspec.json.encode(turn).decode(), "turn", *turn.key)

    def _opened(self, body: str, *key: Any) -> Turn:
        return _turns.decode(self._seal.open(body, "turn", *key))

    def _count_known(self, harvest: Harvest) -> int:
        return sum(self.holds(*turn.key) for turn in harvest.turns)

    def holds(self, origin: str, conversation_id: str, seq: int) -> bool:
        """Whether the turn is there, and not erased."""
        there = "SELECT 1 FROM turn WHERE origin = ? AND conversation_id = ? AND seq = ?"
        return self._db.execute(there, (origin, conversation_id, seq)).fetchone() is not None

    def cursors(self, origin: str, conversation_ids: Sequence[str]) -> Mapping[str, Cursor]:
        """How far these conversations are read; those not begun are missing."""
        found = {}
        for name in conversation_ids:
            row = self._db.execute(
                "SELECT seq, epoch FROM cursor WHERE origin = ? AND conversation_id = ?",
                (origin, name),
            ).fetchone()
            if row:
                found[name] = Cursor(name, *row)
        return found

    def mark(self, name: str) -> str | None:
        """What was noted under ``name``."""
        row = self._db.execute("SELECT value FROM mark WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_mark(self, name: str, value: str) -> None:
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO mark VALUES (?, ?)", (name, value))

    def turns(self, *, after: int = 0, origin: str | None = None) -> Iterator[tuple[int, Turn]]:
        """Every turn and its number, in the order in which they came, one in memory at a time."""
        rows = self._db.execute(
            "SELECT id, turn, origin, conversation_id, seq FROM turn"
            " WHERE id > ? AND (? IS NULL OR origin = ?) ORDER BY id",
            (after, origin, origin),
        )
        for number, *row in rows:
            yield number, self._opened(*row)

    def by_conversation(self, origin: str) -> Iterator[Turn]:
        """The turns of a log, conversation by conversation, one in memory at a time."""
        rows = self._db.execute(
            "SELECT turn, origin, conversation_id, seq FROM turn"
            " WHERE origin = ? ORDER BY conversation_id, seq",
            (origin,),
        )
        for row in rows:
            yield self._opened(*row)

    def conversation(self, origin: str, conversation_id: str) -> list[Turn]:
        """The turns of one conversation, in order."""
        rows = self._db.execute(
            "SELECT turn, origin, conversation_id, seq FROM turn"
            " WHERE origin = ? AND conversation_id = ? ORDER BY seq",
            (origin, conversation_id),
        )
        return [self._opened(*row) for row in rows]

    def bad(self, origin: str | None = None) -> list[BadRow]:
        """Rows that could not be used."""
        rows = self._db.execute(
            "SELECT * FROM bad WHERE ? IS NULL OR origin = ?"
            " ORDER BY origin, conversation_id, line",
            (origin, origin),
        )
        return [BadRow(*row) for row in rows]

    def counts(self) -> Mapping[str, int]:
        """Turns of each origin."""
        return dict(self._db.execute("SELECT origin, count(*) FROM turn GROUP BY origin"))

    def conversations_ending(self, end: str) -> list[str]:
        """Of which there are turns, and whose id ends so."""
        theirs = "SELECT DISTINCT conversation_id FROM turn WHERE substr(conversation_id, ?) = ?"
        return [name for (name,) in self._db.execute(theirs, (-len(end), end))]

    def rekey(self, *, decrypt: bool = False) -> int:
        """Have every turn closed with the newest key, or with none; how many were changed."""
        wanted = "" if decrypt else f"{MARK}{self._seal.key_id}:"
        page = (
            "SELECT id, turn, origin, conversation_id, seq FROM turn WHERE id > ? ORDER BY id"
            f" LIMIT {PAGE}"
        )
        changed = after = 0
        while True:
            with self._transaction():
                rows = self._db.execute(page, (after,)).fetchall()
                changed += sum(self._rekeyed(*row, wanted=wanted) for row in rows)
            if len(rows) < PAGE:
                break
            after = rows[-1][0]
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return changed

    def _rekeyed(self, id_: int, body: str, *key: Any, wanted: str) -> bool:
        if body.startswith(wanted) if wanted else not body.startswith(MARK):
            return False
        text = self._seal.open(body, "turn", *key)
        text = self._seal.close(text, "turn", *key) if wanted else text
        self._db.execute("UPDATE turn SET turn = ? WHERE id = ?", (text, id_))
        return True

    def erase(self, conversation_id: str) -> int:
        """Forget what the conversation's user said, whatever log it came from; how many turns.

        Its bytes are overwritten in the file, and its name leaves the cursors too.
        """
        with self._transaction():
            gone = self._db.execute(
                "DELETE FROM turn WHERE conversation_id = ?", (conversation_id,)
            ).rowcount
            for table in ("cursor", "bad"):
                self._db.execute(
                    f"DELETE FROM {table} WHERE conversation_id = ?", (conversation_id,)
                )
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return gone

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


@contextmanager
def open_shelf(file: Path) -> Iterator[Shelf]:
    """The shelf in ``file``, which need not exist. Raises SettingsError, Unavailable."""
    try:
        make_folder(file.parent)
        connection = sqlite3.connect(
            file, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
    except (OSError, sqlite3.Error) as error:
        raise Unavailable(f"{file} cannot be opened: {error}") from error
    try:
        _prepare(connection, file)
        yield Shelf(connection, seal_of_environment())
    except sqlite3.OperationalError as error:  # full, locked for long, not writable
        raise Unavailable(f"{file} cannot be used now: {error}") from error
    except sqlite3.DatabaseError as error:
        raise SettingsError(f"{file} is damaged: {error}. {_MEND}") from error
    finally:
        connection.close()


def _prepare(connection: sqlite3.Connection, file: Path) -> None:
    try:
        [found] = connection.execute("PRAGMA user_version").fetchone()
        if found > FORMAT:
            raise SettingsError(
                f"{file} has format {found}; this Parley reads format {FORMAT}: a newer one wrote "
                "it."
            )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.executescript(_TABLES)
        connection.execute(f"PRAGMA user_version = {FORMAT}")
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        raise SettingsError(f"{file} is no file of turns: {error}. {_MEND}") from error


def rekey_turns(file: Path, *, decrypt: bool = False) -> int:
    """Have the turns of such a file, where there is one, closed anew; how many were changed."""
    if not file.is_file():
        return 0
    with open_shelf(file) as shelf:
        return shelf.rekey(decrypt=decrypt)


def conversations_ending(file: Path, end: str) -> list[str]:
    """The ids in such a file, where there is one, that end so."""
    if not file.is_file():
        return []
    with open_shelf(file) as shelf:
        return shelf.conversations_ending(end)


def shelf_file(settings: Settings) -> Path:
    """Where the turns are."""
    return settings.home / "turns.db"


def erase_turns(file: Path, conversation_id: str) -> int:
    """Forget this conversation, where there is such a file; how many turns went."""
    if not file.is_file():
        return 0
    with open_shelf(file) as shelf:
        return shelf.erase(conversation_id)


def turns_of(file: Path, conversation_id: str) -> list[Turn]:
    """This conversation's turns, whatever log they came from; none, where there is no file."""
    if not file.is_file():
        return []
    with open_shelf(file) as shelf:
        origins = list(shelf.counts())
        return [turn for one in origins for turn in shelf.conversation(one, conversation_id)]
