"""What a teacher says of one row: the soft labels beside the row's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

UNTOLD = -1.0  # in place of a probability: the teacher says nothing of it


@dataclass(frozen=True, slots=True)
class Lesson:
    """Probabilities at the recipe's temperature, over the student's columns."""

    intents: Float32  # (columns,)
    tags: Float32 | None = None  # (words, tags); None where nothing is said of words
