"""Chinese from nothing: an encoder made from the texts at hand, then CrossWOZ, as served in int8.

    python tests/bench/chinese.py --out FOLDER [--recipe FILE] [--pretrain FILE] [--context N]

Texts: both sides of the dialogues to train on, and ChatterBot's Chinese corpus. A run that was
stopped goes on where it was. ``--from-nothing`` tunes an encoder that has read nothing, to show
what reading was worth. Prints dialogue-act F1 (intent, domain, slot and value all right) of the
dialogues to choose by, and with ``--test`` of the test.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from line import show
from ruamel.yaml import YAML
from sets import crosswoz
from sets.parts import path_of

from training.checkpoint import Checkpoint
from training.evaluate import Answer
from training.export import export
from training.make import _open, ask, typical
from training.pretrain_recipe import PretrainRecipe, load_pretrain_recipe
from training.pretrain_run import ABOUT, new_encoder, new_tokenizer, pretrain, save
from training.recipe import Recipe, load_recipe
from training.train import Trained, train


def main() -> None:
    asked = _arguments()
    asked.out.mkdir(parents=True, exist_ok=True)
    folder = encoder(asked.out, load_pretrain_recipe(asked.pretrain), asked.from_nothing)
    facts = {"encoder": str(folder), "context_tokens": asked.context}
    recipe = msgspec.structs.replace(load_recipe(asked.recipe), **facts)
    fitting, valid, test = crosswoz.turns()
    begun = time.monotonic()
    key = f"{recipe.hash} {asked.from_nothing}"
    trained = train(
        [turn.example for turn in fitting],
        recipe,
        split=crosswoz.SPLIT,
        report=print,
        checkpoint=Checkpoint(asked.out / f"tuning-{recipe.hash[:8]}.safetensors", key),
    )
    seconds = time.monotonic() - begun
    for name, part in (("valid", valid), *([("test", test)] if asked.test else [])):
        for graph, score in measured(trained, recipe, asked.out, fitting, part).items():
            show("chinese", part=name, graph=graph, context_tokens=asked.context,
                 from_nothing=asked.from_nothing, seed=recipe.seed, recipe=recipe.hash[:8],
                 seconds=round(seconds, 1), **score)  # fmt: skip


def encoder(out: Path, recipe: PretrainRecipe, from_nothing: bool) -> Path:
    """The folder of the encoder, made now if it is not there."""
    folder = out / ("blank" if from_nothing else "encoder")
    if (folder / ABOUT).is_file():
        return folder
    if from_nothing:
        tokenizer = new_tokenizer(texts(), recipe)
        save(new_encoder(len(tokenizer), recipe), tokenizer, folder, b"{}")
        return folder
    begun = time.monotonic()
    learnt = pretrain(texts(), folder, recipe, report=print)
    show("chinese.pretrain", seconds=round(time.monotonic() - begun, 1), rows=learnt.rows,
         before=learnt.before, after=learnt.after)  # fmt: skip
    return folder


def texts() -> list[str]:
    """Each once, in order."""
    found = [text.strip() for text in crosswoz.texts()]
    yaml = YAML(typ="safe", pure=True)
    for file in sorted(path_of("chatterbot_corpus", "chinese").glob("*.yml")):
        for told in yaml.load(file)["conversations"]:
            found += [str(text).strip() for text in told]
    return list(dict.fromkeys(text for text in found if text))


def measured(
    trained: Trained,
    recipe: Recipe,
    out: Path,
    fitting: Sequence[crosswoz.Turn],
    turns: Sequence[crosswoz.Turn],
) -> dict[str, dict[str, float]]:
    """The scores of ``turns``, by graph."""
    float32, int8 = out / "float32.onnx", out / "int8.onnx"
    some = typical([turn.example for turn in fitting], trained, recipe)
    export(trained.model, float32, int8, sentences=some)
    examples = [turn.example for turn in turns]
    return {
        path.stem: f1(turns, ask(_open(path, trained, recipe), examples, trained))
        for path in (float32, int8)
    }


def f1(turns: Sequence[crosswoz.Turn], answers: Sequence[Answer]) -> dict[str, float]:
    """Micro-averaged over the acts, in percent; and the share of turns with all acts right."""
    hits = said = wanted = whole = 0
    for turn, answer in zip(turns, answers, strict=True):
        found = crosswoz.meant(answer.intent, [(e.entity, e.value) for e in answer.entities])
        hits += len(found & turn.acts)
        said += len(found)
        wanted += len(turn.acts)
        whole += found == turn.acts
    return {
        "f1": round(200 * hits / (said + wanted), 2),
        "precision": round(100 * hits / max(said, 1), 2),
        "recall": round(100 * hits / wanted, 2),
        "turns_right": round(100 * whole / len(turns), 2),
        "turns": len(turns),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--recipe", type=Path, default=Path(__file__).parent / "recipes/chinese.toml"
    )
    parser.add_argument(
        "--pretrain", type=Path, default=Path(__file__).parent / "recipes/chinese-pretrain.toml"
    )
    parser.add_argument("--context", type=int, default=0, help="tokens of the system's last words")
    parser.add_argument("--from-nothing", action="store_true")
    parser.add_argument("--test", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
