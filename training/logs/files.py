"""Logs in files: JSON lines and tables, read once from the first line to the last.

Conversations may be interleaved: a turn ends when its conversation goes on or is not heard of for
many lines, so that memory does not grow with the file.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, cast
from zlib import crc32
from zlib import error as ZlibError

import msgspec

from bot.errors import NotFound, SettingsError
from bot.review.scrubbing import Rules
from bot.store.shelf import Harvest
from training.logs.fold import Fold
from training.logs.reading import Basket
from training.logs.rows import MOST_TURNS, BadRow, Fields, Format, Told, reader

SILENT = 50_000  # lines without a word of a conversation, after which its turn has ended
SWEEP = 10_000
LONGEST_LINE = 16 * 2**20  # bytes

Row = Mapping[str, Any] | str  # or why there is none


AS_NAMED = Fields()


@dataclass(frozen=True)
class LogFile:
    """A file, whole or those of its conversations that fall to ``part`` of ``parts``."""

    path: Path
    form: Format
    origin: str
    rules: Rules
    fields: Fields = AS_NAMED
    part: int = 0
    parts: int = 1

    def harvests(self) -> Iterator[Harvest]:
        """Its turns, scrubbed, and its bad rows."""
        basket = Basket(self.origin, self.rules)
        folds: dict[str, tuple[Fold, int]] = {}
        read, swept = reader(self.form, self.fields), 0
        for line, row in _rows(self.path, self.form):
            for told, seq in self._told(line, row, read, basket):
                fold, _ = folds.get(told.conversation_id) or (
                    Fold(told.conversation_id, self.origin),
                    0,
                )
                folds[told.conversation_id] = fold, line
                basket.turn(fold.feed(seq, told.event))
                basket.event()
            if line - swept >= SWEEP:
                _sweep(folds, line, basket)
                swept = line
            if basket.is_full:
                yield basket.emptied()
        _sweep(folds, None, basket)
        yield basket.emptied()

    def _told(
        self,
        line: int,
        row: Row,
        read: Callable[[Mapping[str, Any]], Iterator[Told]],
        basket: Basket,
    ) -> list[tuple[Told, int]]:
        """The events of a row and their numbers; those of another part's conversations are not
        this part's, nor is a bad row, but for the first part's."""
        try:
            if isinstance(row, str):
                raise BadRow(row)
            told = list(read(row))
        except BadRow as error:
            if self.part == 0:
                basket.bad(line, str(error))
            return []
        return [
            (one, line * MOST_TURNS + one.number if self.fields.turns else line)
            for one in told
            if crc32(one.conversation_id.encode("utf-8", "replace")) % self.parts == self.part
        ]


def _sweep(folds: dict[str, tuple[Fold, int]], line: int | None, basket: Basket) -> None:
    """End the turns of conversations not heard of for long, or of all."""
    silent = [name for name, (_, heard) in folds.items() if line is None or line - heard > SILENT]
    for name in silent:
        fold, _ = folds.pop(name)
        basket.turn(fold.end())


def _rows(path: Path, form: Format) -> Iterator[tuple[int, Row]]:
    try:
        with _opened(path) as file:
            yield from _table(file, path) if form == "csv" else _json_lines(file)
    except (EOFError, gzip.BadGzipFile, ZlibError) as error:
        raise SettingsError(f"{path} is damaged: {error}") from error


def _json_lines(file: IO[bytes]) -> Iterator[tuple[int, Row]]:
    line = 0
    while body := file.readline(LONGEST_LINE):
        line += 1
        is_whole = body.endswith(b"\n") or len(body) < LONGEST_LINE
        if not is_whole:
            while (rest := file.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
            yield line, f"longer than {LONGEST_LINE // 2**20} MiB"
        elif body.strip():
            yield line, _json(body)


def _json(body: bytes) -> Row:
    try:
        row = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return f"no JSON: {error}"
    return row if isinstance(row, dict) else "no JSON object"


def _table(file: IO[bytes], path: Path) -> Iterator[tuple[int, Row]]:
    # A byte that is no UTF-8 becomes half a character, which is found below.
    lines = (line.decode("utf-8-sig", "surrogateescape") for line in file)
    first = next(lines, "")
    names = next(csv.reader([first], delimiter=_delimiter(first)), [])
    if not names:
        raise SettingsError(f"{path} has no line of column names.")
    table = csv.reader(lines, delimiter=_delimiter(first), strict=True)
    while True:
        begin = table.line_num + 2  # after the line of names
        try:
            cells = next(table)
        except StopIteration:
            return
        except csv.Error as error:
            yield begin, f"no row up to line {table.line_num + 1}: {error}"
            continue
        if cells:
            yield begin, _cells(names, cells)


def _cells(names: list[str], cells: list[str]) -> Row:
    if len(cells) != len(names):
        return f"{len(cells)} cells, not {len(names)}"
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return "no UTF-8"
    return dict(zip(names, (cell or None for cell in cells), strict=True))


def _delimiter(first: str) -> str:
    return max(("\t", ";", ","), key=first.count)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        file: IO[bytes] = path.open("rb")
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {path}.") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error
    with file:
        yield cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if path.suffix == ".gz" else file


def fingerprint(path: Path, rules: Rules, fields: Fields) -> str:
    """The same while the file, how it is read and what is scrubbed from it are the same."""
    digest = sha256(f"{rules.version} {fields}".encode())
    with _opened(path) as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()
