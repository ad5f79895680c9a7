"""Names of teachers: a bundle that is trained already, or an encoder to be trained first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import structs

from bot.errors import SettingsError
from nlu.folder import MANIFEST

if TYPE_CHECKING:
    from nlu.manifest import Lineage, Manifest
    from nlu.registry import Registry

Teacher = Annotated[
    str | None,
    typer.Option(
        help="Who teaches the model, whatever the recipe says: a version or folder of a model, or "
        "an encoder, which is trained on the same sentences first.",
        show_default=False,
    ),
]


def find_teacher(name: str, registry: Registry) -> str:
    """``name`` for a recipe: a version of ``registry`` becomes its folder.

    Raises:
        SettingsError: It is a registry, of which one version has to be named.
    """
    if name in registry.versions():
        return str(registry.folder(name))
    if (Path(name) / "current").is_file():
        raise SettingsError(
            f"teacher {name!r} is a registry of models. Name one of them, such as "
            f"{Path(name) / (Path(name) / 'current').read_text('utf-8').strip()}."
        )
    return name


def is_bundle(name: str) -> bool:
    """Whether the teacher ``name`` is a bundle, else it is an encoder."""
    return bool(name) and (Path(name) / MANIFEST).is_file()


def mark_of(name: str) -> str:
    """What tells the bundle ``name`` from any other in its place; empty for what is none."""
    if not is_bundle(name):
        return ""
    manifest = _manifest(name)
    return f"{manifest.version} {manifest.files['model.onnx']}"


def with_teacher(lineage: Lineage, name: str) -> Lineage:
    """``lineage`` of what the teacher ``name`` taught. Raises BundleError."""
    if not is_bundle(name):
        return structs.replace(lineage, teacher=name)
    theirs = _manifest(name)
    learned = dict.fromkeys((theirs.lineage.dataset, *theirs.lineage.taught))
    taught = tuple(version for version in learned if version)
    return structs.replace(lineage, teacher=theirs.version, taught=taught)


def refuse_bundle(name: str, what: str) -> None:
    """Raise SettingsError where a bundle would teach what ``what`` keeps back to judge by."""
    if is_bundle(name):
        raise SettingsError(
            f"teacher {name!r} is a bundle, which may have learnt the sentences that {what} keeps "
            "back. Name an encoder: it is trained on each part anew."
        )


def _manifest(bundle: str) -> Manifest:
    from nlu.bundle import read_manifest  # brings the runtime along

    return read_manifest(Path(bundle))
