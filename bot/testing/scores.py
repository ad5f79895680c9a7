"""How often something was named rightly, in the shape of Rasa's report files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

Pair = tuple[str, str]  # expected, predicted

MOST_CONFUSED = 3  # names shown for each label, as Rasa does


def report(
    pairs: Sequence[Pair], *, leave_out: Iterable[str] = (), only_expected: bool = False
) -> dict[str, Any]:
    """Precision, recall and F1 of each name, and their averages.

    Args:
        only_expected: Names that were only ever predicted are no label either.
        leave_out: Names that are no label, such as the absence of an entity; the averages pass
            over them, ``accuracy`` counts them.
    """
    missing = set(leave_out)
    table = Counter(pairs)
    named = pairs if not only_expected else [(want, want) for want, _ in pairs]
    labels = sorted({name for pair in named for name in pair} - missing)
    found: dict[str, Any] = {name: _row(name, table) for name in labels}
    rows = [found[name] for name in labels]
    right = sum(count for (want, got), count in table.items() if want == got)
    found["accuracy"] = _share(right, len(pairs))
    found["macro avg"] = _average(rows, [1] * len(rows))
    found["weighted avg"] = _average(rows, [row["support"] for row in rows])
    found["micro avg"] = _micro(table, set(labels))
    return found


def confusions(pairs: Sequence[Pair], name: str, unless: str | None = None) -> dict[str, int]:
    """What ``name`` was taken for most often; being taken for ``unless`` does not count."""
    wrong = Counter(got for want, got in pairs if want == name != got != unless)
    return dict(wrong.most_common(MOST_CONFUSED))


def with_confusions(
    found: dict[str, Any], pairs: Sequence[Pair], unless: str | None = None
) -> dict[str, Any]:
    """``found``, each label with what it was ``confused_with``; see ``confusions``."""
    labels = {name for pair in pairs for name in pair} & found.keys()
    extra = {name: {"confused_with": confusions(pairs, name, unless)} for name in labels}
    return {name: {**row, **extra[name]} if name in extra else row for name, row in found.items()}


def _row(name: str, table: Counter[Pair]) -> dict[str, Any]:
    hit = table[name, name]
    wanted = sum(count for (want, _), count in table.items() if want == name)
    said = sum(count for (_, got), count in table.items() if got == name)
    return _prf(hit, said, wanted)


def _micro(table: Counter[Pair], labels: set[str]) -> dict[str, Any]:
    hit = sum(table[name, name] for name in labels)
    wanted = sum(count for (want, _), count in table.items() if want in labels)
    said = sum(count for (_, got), count in table.items() if got in labels)
    return _prf(hit, said, wanted)


def _prf(hit: int, said: int, wanted: int) -> dict[str, Any]:
    return {
        "precision": _share(hit, said),
        "recall": _share(hit, wanted),
        "f1-score": _share(2 * hit, said + wanted),
        "support": wanted,
    }


def _average(rows: Sequence[dict[str, Any]], weights: Sequence[int]) -> dict[str, Any]:
    total = sum(weights)
    averages = {
        key: _share(
            sum(row[key] * weight for row, weight in zip(rows, weights, strict=True)), total
        )
        for key in ("precision", "recall", "f1-score")
    }
    return {**averages, "support": sum(row["support"] for row in rows)}


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
