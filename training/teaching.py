"""A recipe's teacher, ready to be asked: a bundle opened, or an encoder that has been trained."""

from __future__ import annotations

from pathlib import Path

import msgspec
import torch

from nlu.bundle import open_bundle
from nlu.model import Model
from nlu.session import Outputs
from nlu.tokenizer import Batch
from training.distill import Teacher
from training.loop import half_precision, pick_device
from training.model import JointModel
from training.recipe import Recipe
from training.teachers import is_bundle
from training.train import Trained, open_tokenizer


def teacher_in(bundle: Path) -> Teacher:
    """The model of a bundle, as it is served. Raises BundleError."""
    found = open_bundle(bundle)
    manifest = found.manifest
    several = found.several is not None
    return Teacher(manifest.version, found.model, manifest.intents, manifest.labels, several)


def trained_teacher(trained: Trained, recipe: Recipe) -> Teacher:
    """What was just trained by ``recipe``."""
    labels = trained.labels
    model = Model(_Torch(trained.model), open_tokenizer(trained.tokenizer_json, recipe))
    several = labels.several is not None
    return Teacher(recipe.encoder, model, labels.columns, labels.entities, several)


def first_recipe(recipe: Recipe) -> Recipe | None:
    """How the model is made that has to be there before that of ``recipe``, if any: its teacher,
    whole and by nobody; or, to judge other wordings, the same on the examples as they are."""
    first = msgspec.structs.replace(recipe, teacher="", substitutions=0.0)
    if recipe.teacher and not is_bundle(recipe.teacher):
        return msgspec.structs.replace(
            first,
            encoder=recipe.teacher,
            encoder_rate=recipe.teacher_rate,
            layers=0,
            heads=0,
            columns=0,
        )
    return first if recipe.substitutions else None


class _Torch:
    """A model in the place of its graph (``nlu.session.Session``), on the GPU if there is one."""

    def __init__(self, model: JointModel) -> None:
        self._device = pick_device()
        self._model = model.eval().to(self._device)

    @torch.no_grad()
    def run(self, batch: Batch) -> Outputs:
        """What the model says of every row of ``batch``."""
        given = (torch.from_numpy(part).to(self._device) for part in (batch.ids, batch.mask))
        types = torch.from_numpy(batch.types).to(self._device)
        with half_precision(self._device):
            said = self._model(*given, types)
        return Outputs(*(part.float().cpu().numpy() for part in said))
