"""A bundle's ``scope.npz``: arrays only, never pickled; small, since it is sent with the model.

vectors    int8 (any, hidden), each row scaled so that its largest value is 127
centres    float16 (known intents, hidden)
whitening  float16 (hidden, hidden)
heights    float32 (intents,)
known      bool (intents,)
numbers    float64 (3 x SIGNS + 2,): mean, scale, weights, bias, typical
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nlu.errors import BundleError
from nlu.scope import SIGNS, Floats, Scope

KINDS = {
    "vectors": ("int8", 2),
    "centres": ("float16", 2),
    "whitening": ("float16", 2),
    "heights": ("float32", 1),
    "known": ("bool", 1),
    "numbers": ("float64", 1),
}


def write_scope(path: Path, scope: Scope) -> None:
    """Write ``scope``; what is read from it later is rounded, see above."""
    numbers = [*scope.mean, *scope.scale, *scope.weights, scope.bias, scope.typical]
    arrays: dict[str, npt.NDArray[Any]] = {
        "vectors": _packed(scope.vectors),
        "centres": scope.centres.astype(np.float16),
        "whitening": scope.whitening.astype(np.float16),
        "heights": scope.heights.astype(np.float32),
        "known": scope.known,
        "numbers": np.array(numbers, dtype=np.float64),
    }
    np.savez(path, allow_pickle=False, **arrays)


def read_scope(path: Path, *, intents: int, hidden: int) -> Scope:
    """The scope in ``path``, for a model of so many intents and so long vectors.

    Raises:
        BundleError: The file is none, or one of another model.
    """
    arrays = _arrays(path)
    problem = _problem(arrays, intents, hidden)
    if problem:
        raise BundleError(f"{path}: {problem} Train again.")
    mean, scale, weights = arrays["numbers"][: 3 * SIGNS].reshape(3, SIGNS)
    bias, typical = arrays["numbers"][3 * SIGNS :].tolist()
    return Scope(
        heights=arrays["heights"],
        known=arrays["known"],
        centres=arrays["centres"].astype(np.float32),
        whitening=arrays["whitening"].astype(np.float32),
        typical=typical,
        vectors=_unpacked(arrays["vectors"]),
        mean=mean,
        scale=scale,
        weights=weights,
        bias=bias,
    )


def _arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            return {name: file[name] for name in KINDS}
    except FileNotFoundError as error:
        raise BundleError(f"{path} is missing.") from error
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        line = " ".join(str(error).split())[:200]
        raise BundleError(
            f"{path} does not hold the arrays {', '.join(KINDS)}: {line}. Train again."
        ) from error


def _problem(arrays: Mapping[str, npt.NDArray[Any]], intents: int, hidden: int) -> str:
    """What is wrong with the arrays, or nothing."""
    for name, (kind, axes) in KINDS.items():
        if (str(arrays[name].dtype), arrays[name].ndim) != (kind, axes):
            found = f"{arrays[name].dtype} of {arrays[name].ndim} axes"
            return f"{name} is {found}; it must be {kind} of {axes}."
        if kind.startswith("float") and not np.isfinite(arrays[name]).all():
            return f"{name} holds numbers that are not finite."
    wanted = {
        "vectors": (max(len(arrays["vectors"]), 1), hidden),
        "centres": (int(arrays["known"].sum()) or 1, hidden),
        "whitening": (hidden, hidden),
        "heights": (intents,),
        "known": (intents,),
        "numbers": (3 * SIGNS + 2,),
    }
    for name, shape in wanted.items():
        if arrays[name].shape != shape:
            return f"{name} is of shape {arrays[name].shape}; the model's is {shape}."
    scales = [*arrays["numbers"][SIGNS : 2 * SIGNS], arrays["numbers"][-1]]
    return "" if min(scales) > 0 else "a scale is not above 0."


def _packed(vectors: Floats) -> npt.NDArray[np.int8]:
    largest = np.maximum(np.abs(vectors).max(axis=1, keepdims=True), 1e-12)
    return np.asarray(np.rint(vectors / largest * 127), dtype=np.int8)


def _unpacked(rows: npt.NDArray[np.int8]) -> npt.NDArray[np.float32]:
    vectors = rows.astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
