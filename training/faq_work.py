"""Whether the FAQ of a project has to be indexed, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.work import Report, Watch, Work, current_of, judged

if TYPE_CHECKING:
    from bot.project.project import Project
    from nlu.registry import Registry
    from training.ranker_recipe import RankerRecipe


def faq_work(
    project: Project, recipe: RankerRecipe, registry: Registry, *, force: bool
) -> Work | None:
    """The index of the FAQ; None where the project has none."""
    from bot.project.hashes import faq_hash, trains_faq
    from nlu.ranking.faq_bundle import read_faq_manifest

    if not project.faq:
        return None

    def run(watch: Watch, report: Report) -> str:
        from training.faq_publish import build_faq

        manifest = build_faq(
            project.faq,
            recipe,
            registry,
            data_hash=faq_hash(project),
            train=trains_faq(project),
            watch=watch,
            report=report,
        )
        how = "trained on them and indexed" if manifest.trained else "indexed"
        seconds = manifest.scores["seconds"]
        return f"FAQ {manifest.version}: {manifest.entries} entries {how} in {seconds:.0f} s."

    found = current_of(registry, lambda version: read_faq_manifest(registry.folder(version)))
    version, why = judged(found, faq_hash(project), recipe.hash, "the FAQ")
    return Work("FAQ", version, "--force" if force else why, run)
