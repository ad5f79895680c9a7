"""Whether the ranker of a project has to be trained, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.work import Report, Watch, Work, current_of, judged

if TYPE_CHECKING:
    from bot.project.project import Project
    from nlu.registry import Registry
    from training.ranker_recipe import RankerRecipe


def ranker_work(
    project: Project, recipe: RankerRecipe, registry: Registry, *, force: bool, wanted: bool
) -> Work | None:
    """The ranker; None where config.yml has no policy that asks it, unless ``wanted`` all the
    same, or where there are no stories and no log to learn from."""
    from bot.model.ranking import ranking_policy
    from bot.project.hashes import ranker_hash
    from nlu.ranking.ranker_bundle import read_ranker_manifest

    policy = ranking_policy(project)
    if policy is None and not wanted:
        return None

    def run(watch: Watch, report: Report) -> str:
        from bot.model.ranking import canned_of, responses_of
        from training.ranker_data import TELLINGS, logged_answers, told
        from training.ranker_publish import build_ranker

        answered = told(project, recipe.seed)
        if policy is not None and policy.options.get("learn_from_log") is True:
            answered += logged_answers(project, first=len(project.stories) * TELLINGS)
        manifest = build_ranker(
            answered,
            [*responses_of(project.domain), *canned_of(project)],
            recipe,
            registry,
            data_hash=ranker_hash(project),
            watch=watch,
            report=report,
        )
        scores = manifest.scores
        if "right_first" not in scores:
            return f"ranker {manifest.version}: too few dialogues to keep any back and judge by."
        return (
            f"ranker {manifest.version}: {scores['right_first']:.1%} of {scores['kept_back']} "
            f"answers that were kept back come first, {scores['right_in_five']:.1%} are among the "
            "best five."
        )

    found = current_of(registry, lambda version: read_ranker_manifest(registry.folder(version)))
    changed = "stories, examples or responses"
    version, why = judged(found, ranker_hash(project), recipe.hash, changed)
    return Work("ranker", version, "--force" if force else why, run)
