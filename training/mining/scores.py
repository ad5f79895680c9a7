"""How well clusters agree with what is right."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int_]


def table(right: Labels, found: Labels) -> npt.NDArray[np.float64]:
    """How many items have each right label and each found one."""
    _, rows = np.unique(right, return_inverse=True)
    _, columns = np.unique(found, return_inverse=True)
    counts = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(counts, (rows, columns), 1)
    return counts


def b_cubed(right: Labels, found: Labels) -> float:
    """B³ F1, 0 to 1 (Bagga and Baldwin 1998): of each item's cluster, how much is like it, and how
    much of what is like it is there; averaged over items."""
    counts = table(right, found)
    squares, total = counts**2, counts.sum()
    precision = (squares / counts.sum(axis=0, keepdims=True)).sum() / total
    recall = (squares / counts.sum(axis=1, keepdims=True)).sum() / total
    return float(2 * precision * recall / (precision + recall))


def nmi(right: Labels, found: Labels) -> float:
    """Normalised mutual information, 0 to 1, over the mean of both entropies."""
    shares = table(right, found) / len(right)
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    at = shares > 0
    mutual = (shares[at] * np.log(shares[at] / np.outer(rows, columns)[at])).sum()
    entropies = -(rows * np.log(rows)).sum() - (columns * np.log(columns)).sum()
    return float(2 * mutual / entropies) if entropies > 0 else 1.0
