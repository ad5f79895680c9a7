"""A graph, opened in ONNX Runtime. The only file that imports it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from nlu.embeddings import tables
from nlu.errors import BundleError, NluError
from nlu.tokenizer import Batch

Float32 = npt.NDArray[np.float32]

INPUTS = ("input_ids", "attention_mask")
TYPES = "token_type_ids"  # a further input, of a model that reads the context of a text
OUTPUTS = ("intent_logits", "tag_logits", "sentence")
POLICY_INPUTS = ("states",)
POLICY_OUTPUTS = ("action_logits", "intent_logits")

LARGE = 512  # padded tokens: ten times the text of a message or more

# The CPU kernel this fusion brings in is slower than the parts it replaces.
_SLOW_FUSIONS = ["SkipLayerNormFusion"]


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a graph says of a batch."""

    intent_logits: Float32  # (requests, intents)
    tag_logits: Float32  # (requests, tokens, tags)
    sentence: Float32  # (requests, hidden), each of length 1


class Session:
    """Runs a graph on the CPU; not to be used from two threads at once.

    A graph given as bytes is kept in memory beside what is made of it, one in a file is not: its
    tables are read where they stand, so that the file must stay as it is, though it may be deleted.
    """

    def __init__(self, graph: Path | bytes, *, threads: int = 1) -> None:
        self._session, self._tables = _opened(graph, threads)
        inputs = [node.name for node in self._session.get_inputs()]
        _expect("inputs", inputs, INPUTS)
        _expect("outputs", [node.name for node in self._session.get_outputs()], OUTPUTS)
        self.reads_context = TYPES in inputs
        # Of a run, which else keeps what the largest ever took for the runs to come.
        self._giving_back = ort.RunOptions()
        self._giving_back.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")

    def run(self, batch: Batch) -> Outputs:
        """What the graph says of every row of ``batch``."""
        given = {"input_ids": batch.ids, "attention_mask": batch.mask}
        if self.reads_context:
            given[TYPES] = batch.types
        try:
            with_options = self._giving_back if batch.ids.size > LARGE else None
            intents, tags, sentence = self._session.run(list(OUTPUTS), given, with_options)
        except Exception as error:  # as above
            raise NluError(f"The model failed on a batch: {_line(error)}") from error
        return Outputs(intents, tags, sentence)


class PolicySession:
    """Runs a policy's graph on the CPU, in the caller's thread; not from two at once."""

    def __init__(self, graph: Path | bytes) -> None:
        self._session, self._tables = _opened(graph, 1)
        _expect("inputs", [node.name for node in self._session.get_inputs()], POLICY_INPUTS)
        _expect("outputs", [node.name for node in self._session.get_outputs()], POLICY_OUTPUTS)

    def actions(self, states: Float32) -> list[float]:
        """The logits of the actions after ``states``, shape (1, states, columns)."""
        return self._run("action_logits", states)

    def intents(self, states: Float32) -> list[float]:
        """The logits of the intents after ``states``."""
        return self._run("intent_logits", states)

    def _run(self, output: str, states: Float32) -> list[float]:
        try:
            (logits,) = self._session.run([output], {"states": states})
        except Exception as error:  # as above
            raise NluError(f"The policy model failed: {_line(error)}") from error
        answer: list[float] = logits[0].tolist()
        return answer


def _opened(
    graph: Path | bytes, threads: int
) -> tuple[ort.InferenceSession, Sequence[ort.OrtValue]]:
    """A session, and what must be there as long as it is."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        found = tables(graph) if isinstance(graph, Path) else {}
        values = {name: ort.OrtValue.ortvalue_from_numpy(each) for name, each in found.items()}
        for name, value in values.items():
            options.add_initializer(name, value)  # used where it is, and not kept alive
        session = ort.InferenceSession(
            graph,
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=_SLOW_FUSIONS,
        )
        return session, tuple(values.values())
    except Exception as error:  # a class of its own for every status, Exception their only base
        raise BundleError(f"model.onnx is no graph that can be run: {_line(error)}") from error


def _expect(kind: str, found: Sequence[str], wanted: Sequence[str]) -> None:
    if missing := [name for name in wanted if name not in found]:
        raise BundleError(
            f"model.onnx has the {kind} {', '.join(found)}; missing: {', '.join(missing)}."
        )


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
