"""How a user feels, told from the sentence vector that the model gives anyway.

A bundle's ``sentiment.npz`` holds arrays only, never pickled: ``weight`` float32 (sentiments,
hidden), ``bias`` float32 (sentiments,), and ``temperature`` float32 ().
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nlu import decode
from nlu.errors import BundleError
from nlu.parse import Entity, Sentiment
from nlu.session import Float32

ENTITY = "sentiment"  # a domain that lists it gets the sentiment as an entity too
EXTRACTOR = "SentimentClassifier"
ARRAYS = ("weight", "bias", "temperature")


@dataclass(frozen=True, slots=True)
class SentimentHead:
    """A name for each of its rows: ``weight`` (sentiments, hidden), ``bias`` (sentiments,).

    ``temperature`` divides the logits before the softmax, fitted on the int8 model.
    """

    names: tuple[str, ...]
    weight: Float32
    bias: Float32
    temperature: float = 1.0

    def of(self, sentence: Float32) -> Sentiment:
        """The likeliest sentiment of a sentence's vector (hidden,)."""
        shares = decode.softmax((self.weight @ sentence + self.bias) / self.temperature)
        best = int(shares.argmax())
        return Sentiment(self.names[best], float(shares[best]))


def as_entity(sentiment: Sentiment) -> Entity:
    """``sentiment`` as an entity, which stands nowhere in the text and can fill a slot."""
    return Entity(
        ENTITY,
        sentiment.name,
        confidence_entity=sentiment.confidence,
        extractor=EXTRACTOR,
    )


def spoken(entities: Iterable[Entity]) -> tuple[Entity, ...]:
    """The entities that are words of the text: those that an annotated sentence has too."""
    return tuple(entity for entity in entities if entity.extractor != EXTRACTOR)


def write_sentiment(path: Path, head: SentimentHead) -> None:
    """Write the numbers of ``head``; its names are the manifest's."""
    temperature = np.float32(head.temperature)
    np.savez(path, allow_pickle=False, weight=head.weight, bias=head.bias, temperature=temperature)


def read_sentiment(path: Path, names: Sequence[str], *, hidden: int) -> SentimentHead:
    """The head in ``path``, for vectors of length ``hidden``.

    Raises:
        BundleError: The file is none, or one of another model.
    """
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            arrays = [file[name] for name in ARRAYS]
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        line = " ".join(str(error).split())[:200]
        raise BundleError(
            f"{path} does not hold the arrays {', '.join(ARRAYS)}: {line}. Train again."
        ) from error
    shapes = ((len(names), hidden), (len(names),), ())
    for name, array, shape in zip(ARRAYS, arrays, shapes, strict=True):
        if array.dtype != np.float32 or array.shape != shape:
            raise BundleError(
                f"{path}: {name} is {array.dtype} of shape {array.shape}; the manifest wants "
                f"float32 of {shape}. Train again."
            )
        if not np.isfinite(array).all():
            raise BundleError(f"{path}: {name} holds numbers that are not finite. Train again.")
    weight, bias, temperature = arrays
    if temperature <= 0:
        raise BundleError(f"{path}: temperature is {temperature}; it must be more than 0.")
    return SentimentHead(tuple(names), weight, bias, float(temperature))
